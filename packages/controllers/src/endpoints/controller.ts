import { type corev1, refs } from "@ladya/api"
import { isStatus, keyOf, keyText, type ObjectKey, selectorFromMap, semanticEqual } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result } from "@ladya/client"
import { errorMessage } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { Freshness } from "../shared/freshness.ts"
import { podInformer } from "../shared/indexes.ts"
import { isNamespaceTerminating } from "../shared/pod-control.ts"
import { enqueueServices, hasSelector } from "../shared/services.ts"
import { settleMs } from "../shared/settle.ts"
import { endpointsOf } from "./plan.ts"

export const endpointsController: ControllerDefinition = {
  name: "endpoint",
  account: "endpoint-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const services = informers.informer(refs.services)
    const pods = podInformer(informers)
    const endpoints = informers.informer(refs.endpoints)
    /** How many pods each Service had when it was last looked at. */
    const sizes = new Map<string, number>()
    const controller = newController({
      name: "endpoint",
      reconciler: new EndpointsReconciler(context, services, pods, endpoints, sizes),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [services, pods, endpoints],
    })
    enqueueServices({
      services,
      pods,
      enqueue: (key) => controller.enqueue(key),
      enqueueForPod: (key) => controller.enqueueAfter(key, settleMs(sizes.get(key) ?? 0)),
    })
    // Endpoints that have no Service are somebody else's.
    const enqueue = (one: corev1.Endpoints): void => {
      if (services.get(keyOf(one))) controller.enqueue(keyOf(one))
    }
    endpoints.addHandler({ update: enqueue, delete: enqueue })
    return controller
  },
}

class EndpointsReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #services: Informer<corev1.Service>
  readonly #pods: Informer<corev1.Pod>
  readonly #endpoints: Informer<corev1.Endpoints>
  readonly #sizes: Map<string, number>
  readonly #fresh: Freshness<corev1.Endpoints>

  constructor(
    context: ControllerContext,
    services: Informer<corev1.Service>,
    pods: Informer<corev1.Pod>,
    endpoints: Informer<corev1.Endpoints>,
    sizes: Map<string, number>,
  ) {
    this.#sizes = sizes
    this.#context = context
    this.#services = services
    this.#pods = pods
    this.#endpoints = endpoints
    this.#fresh = new Freshness(endpoints, context.clock)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const api = this.#context.client.resource(refs.endpoints)
    const id = keyText(key)
    const service = this.#services.get(key)
    if (!this.#fresh.isFresh(id)) return done
    const current = this.#endpoints.get(key)
    if (!service) {
      this.#sizes.delete(id)
      if (!current) {
        this.#fresh.forget(id)
        return done
      }
      await api.delete(key.name, { namespace: key.namespace }).catch((error: unknown) => {
        if (!isStatus(error, "NotFound")) throw error
      })
      this.#fresh.deleted(id, current)
      return done
    }
    if (!hasSelector(service)) return done
    const selector = selectorFromMap(service.spec?.selector)
    const pods = this.#pods.inNamespace(key.namespace).filter((pod) => selector.matches(pod.metadata.labels))
    this.#sizes.set(id, pods.length)
    const next = endpointsOf(service, pods, current)
    const isSame =
      current !== undefined &&
      semanticEqual(current.subsets, next.subsets) &&
      semanticEqual(current.metadata.labels, next.metadata.labels) &&
      semanticEqual(current.metadata.annotations, next.metadata.annotations)
    if (isSame) return done
    try {
      this.#fresh.wrote(id, current ? await api.update(next) : await api.create(next))
    } catch (error) {
      if (isNamespaceTerminating(error)) return done
      if (!isStatus(error, "Conflict")) {
        const reason = current ? "FailedToUpdateEndpoint" : "FailedToCreateEndpoint"
        const verb = current ? "update" : "create"
        const message = `Failed to ${verb} endpoint ${id}: ${errorMessage(error)}`
        this.#context.recorder.event(service, "Warning", reason, message)
      }
      throw error
    }
    return done
  }
}
