import type * as corev1 from "../../../generated/types/corev1.ts"
import { defaultPullPolicy } from "../../../helpers/images.ts"

const defaultMode = 0o644

function defaultDownwardItems(items: corev1.DownwardAPIVolumeFile[] | undefined): void {
  for (const item of items ?? []) {
    if (item.fieldRef) item.fieldRef.apiVersion ||= "v1"
    if (item.resourceFieldRef) item.resourceFieldRef.divisor ??= "0"
  }
}
function defaultProjected(source: corev1.ProjectedVolumeSource): void {
  source.defaultMode ??= defaultMode
  for (const projection of source.sources ?? []) {
    if (projection.serviceAccountToken) projection.serviceAccountToken.expirationSeconds ??= 3600
    if (projection.podCertificate) projection.podCertificate.maxExpirationSeconds ??= 86400
    defaultDownwardItems(projection.downwardAPI?.items)
  }
}

/** A volume without a source is an empty directory. */
export function defaultVolume(volume: corev1.Volume): void {
  if (Object.keys(volume).every((key) => key === "name")) volume.emptyDir = {}
  if (volume.secret) volume.secret.defaultMode ??= defaultMode
  if (volume.configMap) volume.configMap.defaultMode ??= defaultMode
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= defaultMode
    defaultDownwardItems(volume.downwardAPI.items)
  }
  if (volume.projected) defaultProjected(volume.projected)
  if (volume.hostPath) volume.hostPath.type ??= ""
  if (volume.ephemeral?.volumeClaimTemplate?.spec) volume.ephemeral.volumeClaimTemplate.spec.volumeMode ??= "Filesystem"
  if (volume.image && !volume.image.pullPolicy)
    volume.image.pullPolicy = defaultPullPolicy(volume.image.reference ?? "")
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= "default"
  if (volume.rbd) {
    volume.rbd.pool ||= "rbd"
    volume.rbd.user ||= "admin"
    volume.rbd.keyring ||= "/etc/ceph/keyring"
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= "ReadWrite"
    volume.azureDisk.kind ??= "Shared"
    volume.azureDisk.fsType ??= "ext4"
    volume.azureDisk.readOnly ??= false
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= "ThinProvisioned"
    volume.scaleIO.fsType ||= "xfs"
  }
}
