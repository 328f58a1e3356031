import { claimNameOf, type corev1, isPodTerminal, refs } from "@ladya/api"
import { isStatus, keyOf } from "@ladya/apimachinery"
import { done, newController, type Result } from "@ladya/client"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { podInformer } from "../shared/indexes.ts"

/** Makes the claims of `ephemeral` volumes (KEP-1698): they belong to their pod, and go with it. */
export const ephemeralVolumeController: ControllerDefinition = {
  name: "ephemeral-volume",
  account: "ephemeral-volume-controller",
  eventSource: "ephemeral_volume",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const pods = podInformer(informers)
    const claims = informers.informer(refs.persistentvolumeclaims)
    const controller = newController({
      name: "ephemeral-volume",
      reconciler: {
        reconcile: async (key): Promise<Result> => {
          const pod = pods.get(key)
          if (!pod || pod.metadata.deletionTimestamp || isPodTerminal(pod)) return done
          for (const volume of pod.spec?.volumes ?? []) {
            if (volume.ephemeral) await ensureClaim(context, pod, volume)
          }
          return done
        },
      },
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [pods, claims],
    })
    const hasEphemeral = (pod: corev1.Pod): boolean => pod.spec?.volumes?.some(({ ephemeral }) => ephemeral) ?? false
    pods.addHandler({ add: (pod) => hasEphemeral(pod) && controller.enqueue(keyOf(pod)) })
    // A claim that was deleted while its pod stays is made again.
    claims.addHandler({
      delete: ({ metadata }) => {
        const owner = metadata.ownerReferences?.find(
          ({ kind, controller: isController }) => kind === "Pod" && isController,
        )
        if (owner) controller.enqueue({ namespace: metadata.namespace ?? "", name: owner.name })
      },
    })
    return controller
  },
}

async function ensureClaim(
  { client, informers, recorder }: ControllerContext,
  pod: corev1.Pod,
  volume: corev1.Volume,
): Promise<void> {
  const template = volume.ephemeral?.volumeClaimTemplate
  const name = claimNameOf(pod, volume) ?? ""
  const namespace = pod.metadata.namespace ?? ""
  if (!template) return
  const isOurs = (claim: corev1.PersistentVolumeClaim): boolean =>
    claim.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === pod.metadata.uid) ?? false
  const refuse = (): never => {
    throw new Error(
      `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`,
    )
  }
  const known = informers.informer(refs.persistentvolumeclaims).get({ namespace, name })
  if (known) {
    if (!isOurs(known)) refuse()
    return
  }
  const owner = {
    apiVersion: "v1",
    kind: "Pod",
    name: pod.metadata.name ?? "",
    uid: pod.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  }
  const { labels, annotations } = template.metadata ?? {}
  try {
    await client.resource(refs.persistentvolumeclaims).create({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: {
        name,
        namespace,
        ownerReferences: [owner],
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
      },
      spec: template.spec,
    })
  } catch (error) {
    if (isStatus(error, "AlreadyExists")) return
    recorder.event(pod, "Warning", "FailedToCreatePVC", error instanceof Error ? error.message : String(error))
    throw error
  }
}
