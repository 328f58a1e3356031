import { type corev1, refs } from "@ladya/api"
import { isStatus, type KubeObject, newControllerRef, StatusError } from "@ladya/apimachinery"
import type { Client, EventRecorder } from "@ladya/client"
import { errorMessage } from "@ladya/util"

/** A pod out of a template, controlled by its owner. Without a name it gets one from the owner's. */
export function podFromTemplate(owner: KubeObject, template: corev1.PodTemplateSpec, name?: string): corev1.Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {}
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...(name === undefined ? { generateName: `${owner.metadata.name}-` } : { name }),
      namespace: owner.metadata.namespace ?? "",
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [newControllerRef(owner)],
    },
    ...(template.spec ? { spec: template.spec } : {}),
  }
}

/** Creates and deletes pods in the name of an owner, and says so in events about it. */
export class PodControl {
  readonly #client: Client
  readonly #recorder: EventRecorder

  constructor(context: { client: Client; recorder: EventRecorder }) {
    this.#client = context.client
    this.#recorder = context.recorder
  }

  async create(owner: KubeObject, pod: corev1.Pod): Promise<corev1.Pod> {
    try {
      const created = await this.#client.resource(refs.pods).create(pod)
      this.#recorder.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata.name}`)
      return created
    } catch (error) {
      // Nobody reads events in a namespace that is being deleted, and none can be made there.
      if (!isNamespaceTerminating(error)) {
        this.#recorder.event(owner, "Warning", "FailedCreate", `Error creating: ${errorMessage(error)}`)
      }
      throw error
    }
  }

  /** A pod that has gone already is deleted. */
  async delete(owner: KubeObject, pod: corev1.Pod): Promise<void> {
    const { namespace = "", name = "", uid } = pod.metadata
    try {
      await this.#client.resource(refs.pods).delete(name, { namespace, ...(uid ? { preconditions: { uid } } : {}) })
      this.#recorder.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`)
    } catch (error) {
      if (isStatus(error, "NotFound")) return
      this.#recorder.event(owner, "Warning", "FailedDelete", `Error deleting: ${errorMessage(error)}`)
      throw error
    }
  }
}

/** Whether a create was refused because the namespace is being deleted: trying again cannot help. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    (error.status.details?.causes ?? []).some((cause) => cause.reason === "NamespaceTerminating")
  )
}
