import { type corev1, refs } from "@ladya/api"
import { isStatus, type KubeObject, keyOf, type ObjectKey } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result, requeueAfter } from "@ladya/client"
import { errorMessage, mapLimit } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import type { CatalogEntry } from "../shared/catalog.ts"
import { podInformer } from "../shared/indexes.ts"
import { writeStatus } from "../shared/status.ts"
import { isEmpty, type Remainder, terminationConditions } from "./plan.ts"

const finalizer = "kubernetes"
/** Between two looks at what remains; pods that go bring the next look forward. */
const pollMs = 2_000
const parallel = 8

export const namespaceController: ControllerDefinition = {
  name: "namespace",
  account: "namespace-controller",
  create: (context) => {
    const { informers, catalog, clock, log, metrics, config } = context
    const namespaces = informers.informer(refs.namespaces)
    const pods = podInformer(informers)
    const controller = newController({
      name: "namespace",
      reconciler: new NamespaceReconciler(context, namespaces),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [namespaces, pods, catalog],
    })
    const enqueue = (namespace: corev1.Namespace): void => {
      if (namespace.metadata.deletionTimestamp) controller.enqueue(keyOf(namespace))
    }
    namespaces.addHandler({ add: enqueue, update: enqueue })
    pods.addHandler({
      delete: (pod) => {
        const namespace = namespaces.get(pod.metadata.namespace ?? "")
        if (namespace?.metadata.deletionTimestamp && pods.inNamespace(pod.metadata.namespace ?? "").length === 0) {
          enqueue(namespace)
        }
      },
    })
    return controller
  },
}

/** Empties namespaces that are being deleted, pods first, and lets them go when nothing is left. */
class NamespaceReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #namespaces: Informer<corev1.Namespace>

  constructor(context: ControllerContext, namespaces: Informer<corev1.Namespace>) {
    this.#context = context
    this.#namespaces = namespaces
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { client, clock } = this.#context
    const namespace = this.#namespaces.get(key)
    if (!namespace?.metadata.deletionTimestamp) return done
    if (!namespace.spec?.finalizers?.includes(finalizer)) return done
    const remainder = await this.#empty(key.name)
    const api = client.resource(refs.namespaces)
    const conditions = terminationConditions(namespace.status?.conditions, remainder, clock.now())
    const status = { ...namespace.status, phase: "Terminating", conditions }
    try {
      const written = (await writeStatus(api, namespace, status)) ?? namespace
      if (!isEmpty(remainder)) return requeueAfter(pollMs)
      const finalizers = written.spec?.finalizers?.filter((one) => one !== finalizer) ?? []
      await api.update({ ...written, spec: { ...written.spec, finalizers } }, { subresource: "finalize" })
    } catch (error) {
      if (isStatus(error, "NotFound")) return done
      throw error
    }
    return done
  }

  /** Deletes all content. What depends on pods is left until the pods have gone, so that they can end in good order. */
  async #empty(namespace: string): Promise<Remainder> {
    const resources = new Map<string, number>()
    const finalizers = new Map<string, number>()
    const errors: string[] = []
    const emptyOne = async (entry: CatalogEntry): Promise<void> => {
      const name = entry.ref.group ? `${entry.ref.resource}.${entry.ref.group}` : `${entry.ref.resource}.`
      try {
        const left = await this.#emptyResource(entry, namespace)
        if (left.length === 0) return
        resources.set(name, left.length)
        for (const object of left) {
          for (const one of object.metadata.finalizers ?? []) finalizers.set(one, (finalizers.get(one) ?? 0) + 1)
        }
      } catch (error) {
        // A resource that is not served any more (its definition was just deleted) has no content.
        if (isStatus(error, "NotFound", "MethodNotAllowed")) return
        errors.push(`unexpected error while deleting ${name}: ${errorMessage(error)}`)
      }
    }
    const entries = this.#context.catalog
      .entries()
      .filter(({ ref, verbs }) => ref.namespaced && verbs.includes("delete") && verbs.includes("list"))
    const isPods = ({ ref }: CatalogEntry): boolean => ref.group === "" && ref.resource === "pods"
    await mapLimit(entries.filter(isPods), 1, emptyOne)
    if (resources.size === 0 && errors.length === 0) {
      await mapLimit(
        entries.filter((entry) => !isPods(entry)),
        parallel,
        emptyOne,
      )
    }
    return { resources, finalizers, errors, undiscovered: this.#context.catalog.failures() }
  }

  async #emptyResource({ ref, verbs }: CatalogEntry, namespace: string): Promise<readonly KubeObject[]> {
    const resource = this.#context.client.resource(ref)
    const present = (await resource.list({ namespace })).items
    if (present.length === 0) return []
    const waiting = present.filter((object) => !object.metadata.deletionTimestamp)
    if (waiting.length === 0) return present
    const policy = { propagationPolicy: "Background" } as const
    if (verbs.includes("deletecollection")) await resource.deleteCollection({ namespace, delete: policy })
    else {
      await mapLimit(waiting, parallel, async (object) => {
        await resource.delete(object.metadata.name ?? "", { namespace, ...policy }).catch((error: unknown) => {
          if (!isStatus(error, "NotFound")) throw error
        })
      })
    }
    return (await resource.list({ namespace })).items
  }
}
