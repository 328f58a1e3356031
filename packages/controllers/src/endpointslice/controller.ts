import { type corev1, type discoveryv1, refs, serviceNameLabel } from "@ladya/api"
import { isStatus, keyText, type ObjectKey, selectorFromMap } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result } from "@ladya/client"
import { errorMessage } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { Freshness } from "../shared/freshness.ts"
import { podInformer } from "../shared/indexes.ts"
import { isNamespaceTerminating } from "../shared/pod-control.ts"
import { enqueueServices, hasSelector } from "../shared/services.ts"
import { settleMs } from "../shared/settle.ts"
import { addressTypesOf, endpointGroups } from "./endpoints.ts"
import { managedBy, managedByLabel, planSlices, type SlicesPlan } from "./plan.ts"

const byService = "service"

export const endpointSliceController: ControllerDefinition = {
  name: "endpointslice",
  account: "endpointslice-controller",
  eventSource: "endpoint-slice-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const services = informers.informer(refs.services)
    const pods = podInformer(informers)
    const nodes = informers.informer(refs.nodes)
    const slices = informers.informer(refs.endpointslices, { indexers: { [byService]: serviceKeys } })
    /** How many pods each Service had when it was last looked at. */
    const sizes = new Map<string, number>()
    const controller = newController({
      name: "endpointslice",
      reconciler: new EndpointSliceReconciler(context, services, pods, nodes, slices, sizes),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [services, pods, nodes, slices],
    })
    enqueueServices({
      services,
      pods,
      enqueue: (key) => controller.enqueue(key),
      enqueueForPod: (key) => controller.enqueueAfter(key, settleMs(sizes.get(key) ?? 0)),
    })
    const enqueueOwner = (slice: discoveryv1.EndpointSlice): void => {
      for (const key of serviceKeys(slice)) controller.enqueue(key)
    }
    slices.addHandler({
      add: enqueueOwner,
      update: (slice, previous) => {
        enqueueOwner(slice)
        enqueueOwner(previous)
      },
      delete: enqueueOwner,
    })
    return controller
  },
}

/** The Service that a slice of this controller belongs to. */
function serviceKeys(slice: discoveryv1.EndpointSlice): string[] {
  const { labels, namespace = "" } = slice.metadata
  const name = labels?.[serviceNameLabel]
  return name && labels?.[managedByLabel] === managedBy ? [keyText({ namespace, name })] : []
}

class EndpointSliceReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #services: Informer<corev1.Service>
  readonly #pods: Informer<corev1.Pod>
  readonly #nodes: Informer<corev1.Node>
  readonly #slices: Informer<discoveryv1.EndpointSlice>
  readonly #sizes: Map<string, number>
  readonly #fresh: Freshness<discoveryv1.EndpointSlice>

  constructor(
    context: ControllerContext,
    services: Informer<corev1.Service>,
    pods: Informer<corev1.Pod>,
    nodes: Informer<corev1.Node>,
    slices: Informer<discoveryv1.EndpointSlice>,
    sizes: Map<string, number>,
  ) {
    this.#sizes = sizes
    this.#context = context
    this.#services = services
    this.#pods = pods
    this.#nodes = nodes
    this.#slices = slices
    this.#fresh = new Freshness(slices, context.clock)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const id = keyText(key)
    const service = this.#services.get(key)
    if (!service) {
      this.#sizes.delete(id)
      // The slices are owned by the Service: they go with it.
      this.#fresh.forget(id)
      return done
    }
    if (!hasSelector(service) || service.metadata.deletionTimestamp) return done
    if (!this.#fresh.isFresh(id)) return done
    const selector = selectorFromMap(service.spec?.selector)
    const pods = this.#pods.inNamespace(key.namespace).filter((pod) => selector.matches(pod.metadata.labels))
    this.#sizes.set(id, pods.length)
    const existing = this.#slices.byIndex(byService, id).filter((slice) => !slice.metadata.deletionTimestamp)
    const families = addressTypesOf(service)
    for (const addressType of families) {
      const groups = endpointGroups(service, pods, addressType, (name) => this.#nodes.get(name))
      const plan = planSlices({
        service,
        addressType,
        groups,
        existing: existing.filter((slice) => slice.addressType === addressType),
        maxPerSlice: this.#context.config.maxEndpointsPerSlice,
      })
      await this.#apply(id, service, plan)
    }
    const strangers = existing.filter((slice) => !families.some((family) => family === slice.addressType))
    await this.#apply(id, service, { create: [], update: [], remove: strangers })
    return done
  }

  async #apply(id: string, service: corev1.Service, plan: SlicesPlan): Promise<void> {
    const slices = this.#context.client.resource(refs.endpointslices)
    const { namespace = "" } = service.metadata
    try {
      for (const slice of plan.create) this.#fresh.wrote(id, await slices.create(slice))
      for (const slice of plan.update) this.#fresh.wrote(id, await slices.update(slice))
      for (const slice of plan.remove) {
        await slices.delete(slice.metadata.name ?? "", { namespace }).catch((error: unknown) => {
          if (!isStatus(error, "NotFound")) throw error
        })
        this.#fresh.deleted(id, slice)
      }
    } catch (error) {
      if (isNamespaceTerminating(error)) return
      if (!isStatus(error, "Conflict")) {
        const message = `Error updating Endpoint Slices for Service ${id}: ${errorMessage(error)}`
        this.#context.recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message)
      }
      throw error
    }
  }
}
