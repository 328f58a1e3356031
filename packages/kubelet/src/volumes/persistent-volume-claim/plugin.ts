import { mkdir, stat } from "node:fs/promises"
import { type corev1, ephemeralClaimName, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { checkHostPath } from "../host-path/plugin.ts"
import { bindMount, isMountPoint, unmountAndRemove } from "../mounts.ts"
import { applyGroup, hasGroup } from "../ownership.ts"
import type { SetUpRequest, SetUpResult, VolumePlugin } from "../plugin.ts"

interface ClaimSpec {
  claimName: string
  /** An `ephemeral` volume's claim must belong to the pod. */
  ownedByPod: boolean
}

/**
 * A bound claim: `local` volumes are bind-mounted, `hostPath` volumes used where they are. Further kinds of persistent
 * volume take their place in `setUpPersistentVolume`.
 */
export function newPersistentVolumeClaimPlugin(deps: {
  client: Client
}): VolumePlugin<ClaimSpec | corev1.EphemeralVolumeSource> {
  const claimOf = async (pod: corev1.Pod, claim: ClaimSpec): Promise<corev1.PersistentVolumeClaim> => {
    const namespace = pod.metadata.namespace ?? ""
    const name = JSON.stringify(claim.claimName)
    const object = await deps.client
      .resource(refs.persistentvolumeclaims)
      .get(claim.claimName, { namespace })
      .catch((error: unknown) => {
        if (isStatus(error, "NotFound")) throw new Error(`persistentvolumeclaim ${name} not found`)
        throw error
      })
    const owned = object.metadata.ownerReferences?.some((owner) => owner.uid === pod.metadata.uid && owner.controller)
    if (claim.ownedByPod && !owned) {
      throw new Error(`PVC ${namespace}/${claim.claimName} was not created for pod ${namespace}/${pod.metadata.name}`)
    }
    if (object.metadata.deletionTimestamp) throw new Error("PVC is being deleted")
    if (!object.spec?.volumeName || object.status?.phase !== "Bound") throw new Error("PVC is not bound")
    return object
  }

  const volumeOf = async (claim: corev1.PersistentVolumeClaim): Promise<corev1.PersistentVolume> => {
    const name = claim.spec?.volumeName ?? ""
    const volume = await deps.client.resource(refs.persistentvolumes).get(name)
    if (volume.spec?.claimRef?.uid && volume.spec.claimRef.uid !== claim.metadata.uid) {
      throw new Error(`PVC volume ${name} is bound to another claim`)
    }
    return volume
  }

  return {
    name: "kubernetes.io/persistent-volume-claim",
    spec: (volume) =>
      volume.persistentVolumeClaim
        ? { claimName: volume.persistentVolumeClaim.claimName, ownedByPod: false }
        : volume.ephemeral,
    async setUp(request): Promise<SetUpResult> {
      const { pod, spec, volumeName } = request
      const claim: ClaimSpec =
        "claimName" in spec ? spec : { claimName: ephemeralClaimName(pod, volumeName), ownedByPod: true }
      const volume = await volumeOf(await claimOf(pod, claim))
      return setUpPersistentVolume(volume, request)
    },
    tearDown: unmountAndRemove,
  }
}

async function setUpPersistentVolume(
  volume: corev1.PersistentVolume,
  request: SetUpRequest<unknown>,
): Promise<SetUpResult> {
  if (volume.spec?.hostPath) {
    await checkHostPath(volume.spec.hostPath.path, volume.spec.hostPath.type)
    return { hostPath: volume.spec.hostPath.path }
  }
  if (volume.spec?.local) return setUpLocal(volume.spec.local.path, request)
  throw new Error(`no volume plugin matched for persistent volume ${JSON.stringify(volume.metadata.name)}`)
}

async function setUpLocal(path: string, { directory, pod }: SetUpRequest<unknown>): Promise<SetUpResult> {
  const info = await stat(path).catch(() => undefined)
  if (!info?.isDirectory()) throw new Error(`path ${JSON.stringify(path)} does not exist`)
  await mkdir(directory, { recursive: true, mode: 0o750 })
  if (!(await isMountPoint(directory))) await bindMount(path, directory)
  const group = pod.spec?.securityContext?.fsGroup
  if (group !== undefined) {
    const onlyRoot = pod.spec?.securityContext?.fsGroupChangePolicy === "OnRootMismatch"
    const right = onlyRoot && (await hasGroup(directory, group, { readOnly: false }))
    if (!right) await applyGroup(directory, group, { readOnly: false })
  }
  return { hostPath: directory }
}
