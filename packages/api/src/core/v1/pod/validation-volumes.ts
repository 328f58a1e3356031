import {
  compareQuantities,
  fieldError,
  isDns1123Subdomain,
  isQualifiedName,
  isQuantity,
  type metav1,
  parseQuantity,
  validateLabelSelector,
} from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import {
  checkDnsLabel,
  checkRequired,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
} from "../../../validation/checks.ts"
import { checkDescendingPath, checkNoBacksteps, checkNonReservedPath } from "../../../validation/paths.ts"
import { checkClaimTemplate } from "../persistentvolumeclaim/validation.ts"

const fileModeMessage = "must be a number between 0 and 0777 (octal), both inclusive"
const oneSource = "may not specify more than 1 volume type"

const volumeFieldPaths = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
]
const resourceFields = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
]
const byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"]

/** A field of the pod that is handed to its containers. */
export function checkFieldRef(
  errors: Errors,
  path: string,
  ref: corev1.ObjectFieldSelector,
  supported: readonly string[],
): void {
  if (!checkRequired(errors, `${path}.apiVersion`, ref.apiVersion)) return
  if (!checkRequired(errors, `${path}.fieldPath`, ref.fieldPath)) return
  const subscript = /^(.*)\['([^']*)'\]$/.exec(ref.fieldPath)
  if (subscript) {
    const [, field = "", key = ""] = subscript
    if (field === "metadata.annotations") checkTexts(errors, path, key, isQualifiedName(key.toLowerCase()))
    else if (field === "metadata.labels") checkTexts(errors, path, key, isQualifiedName(key))
    else errors.push(fieldError.invalid(path, field, "does not support subscript"))
  } else if (!supported.includes(ref.fieldPath)) {
    errors.push(fieldError.notSupported(`${path}.fieldPath`, ref.fieldPath, supported))
  }
}

function checkDivisor(errors: Errors, path: string, ref: corev1.ResourceFieldSelector): void {
  const divisor = ref.divisor
  if (divisor === undefined || (isQuantity(divisor) && parseQuantity(divisor).nanos === 0n)) return
  const wrong = (detail: string): void => {
    errors.push(fieldError.invalid(`${path}.divisor`, ref.resource, detail))
  }
  const bytes = (what: string): void => {
    if (!byteDivisors.includes(divisor)) {
      wrong(`only divisor's values ${byteDivisors.join(", ")} are supported with the ${what} resource`)
    }
  }
  if (ref.resource.endsWith(".cpu")) {
    if (!["1m", "1"].includes(divisor)) wrong("only divisor's values 1m and 1 are supported with the cpu resource")
  } else if (ref.resource.endsWith(".memory")) bytes("memory")
  else if (ref.resource.endsWith(".ephemeral-storage")) bytes("local ephemeral storage")
  else if (ref.resource.includes(".hugepages-")) bytes("hugepages")
}

/** A container's request or limit that is handed to a container. In a volume the container must be named. */
export function checkResourceFieldRef(
  errors: Errors,
  path: string,
  ref: corev1.ResourceFieldSelector,
  options: { volume: boolean },
): void {
  if (options.volume && !ref.containerName) errors.push(fieldError.required(`${path}.containerName`))
  else if (!ref.resource) errors.push(fieldError.required(`${path}.resource`))
  else if (!resourceFields.includes(ref.resource) && !/^(requests|limits)\.hugepages-/.test(ref.resource)) {
    errors.push(fieldError.notSupported(`${path}.resource`, ref.resource, resourceFields))
  }
  if (ref.resource) checkDivisor(errors, path, ref)
}

function checkMode(errors: Errors, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.push(fieldError.invalid(path, mode, fileModeMessage))
}

function checkKeyToPath(errors: Errors, path: string, item: corev1.KeyToPath): void {
  checkRequired(errors, `${path}.key`, item.key)
  checkRequired(errors, `${path}.path`, item.path)
  checkNonReservedPath(errors, `${path}.path`, item.path ?? "")
  checkMode(errors, `${path}.mode`, item.mode)
}

function checkDownwardFile(errors: Errors, path: string, file: corev1.DownwardAPIVolumeFile): void {
  checkRequired(errors, `${path}.path`, file.path)
  checkNonReservedPath(errors, `${path}.path`, file.path ?? "")
  if (file.fieldRef) {
    checkFieldRef(errors, `${path}.fieldRef`, file.fieldRef, volumeFieldPaths)
    if (file.resourceFieldRef) {
      const detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
      errors.push(fieldError.invalid(path, "resource", detail))
    }
  } else if (file.resourceFieldRef) {
    checkResourceFieldRef(errors, `${path}.resourceFieldRef`, file.resourceFieldRef, { volume: true })
  } else errors.push(fieldError.required(path, "one of fieldRef and resourceFieldRef is required"))
  checkMode(errors, `${path}.mode`, file.mode)
}

function checkTokenProjection(errors: Errors, path: string, token: corev1.ServiceAccountTokenProjection): void {
  const seconds = token.expirationSeconds ?? 3600
  if (seconds < 600) {
    errors.push(
      fieldError.invalid(`${path}.expirationSeconds`, seconds, "may not specify a duration less than 10 minutes"),
    )
  }
  if (seconds > 2 ** 32) {
    errors.push(
      fieldError.invalid(`${path}.expirationSeconds`, seconds, "may not specify a duration larger than 2^32 seconds"),
    )
  }
  if (checkRequired(errors, `${path}.path`, token.path)) checkNonReservedPath(errors, `${path}.path`, token.path)
}

function checkTrustBundle(errors: Errors, path: string, bundle: corev1.ClusterTrustBundleProjection): void {
  if (bundle.name !== undefined && bundle.signerName !== undefined) {
    errors.push(fieldError.invalid(path, bundle, "only one of name and signerName may be used"))
  } else if (bundle.name !== undefined) {
    checkRequired(errors, `${path}.name`, bundle.name, "must be a valid object name")
    if (bundle.labelSelector) {
      const detail = "labelSelector must be unset if name is specified"
      errors.push(fieldError.invalid(`${path}.labelSelector`, bundle.labelSelector, detail))
    }
  } else if (bundle.signerName !== undefined) {
    checkRequired(errors, `${path}.signerName`, bundle.signerName, "must be a valid signer name")
    errors.push(...validateLabelSelector(bundle.labelSelector, `${path}.labelSelector`))
  } else errors.push(fieldError.required(path, "either name or signerName must be specified"))
  checkRequired(errors, `${path}.path`, bundle.path)
  checkNonReservedPath(errors, `${path}.path`, bundle.path ?? "")
}

function checkProjected(errors: Errors, path: string, volume: corev1.ProjectedVolumeSource): void {
  checkMode(errors, `${path}.defaultMode`, volume.defaultMode)
  const paths = new Set<string>()
  const claim = (target: string | undefined, badValue: string): void => {
    if (!target) return
    if (paths.has(target)) errors.push(fieldError.invalid(path, badValue, "conflicting duplicate paths"))
    paths.add(target)
  }
  for (const [source, sourcePath] of indexed(`${path}.sources`, volume.sources)) {
    for (const key of ["secret", "configMap"] as const) {
      const projection = source[key]
      if (!projection) continue
      checkRequired(errors, `${sourcePath}.${key}.name`, projection.name)
      for (const [item, itemPath] of indexed(`${sourcePath}.${key}.items`, projection.items)) {
        checkKeyToPath(errors, itemPath, item)
        claim(item.path, projection.name ?? "")
      }
    }
    for (const file of source.downwardAPI?.items ?? []) {
      checkDownwardFile(errors, `${sourcePath}.downwardAPI`, file)
      claim(file.path, file.path)
    }
    if (source.serviceAccountToken) {
      checkTokenProjection(errors, `${sourcePath}.serviceAccountToken`, source.serviceAccountToken)
    }
    if (source.clusterTrustBundle) {
      checkTrustBundle(errors, `${sourcePath}.clusterTrustBundle`, source.clusterTrustBundle)
      claim(source.clusterTrustBundle.path, source.clusterTrustBundle.path)
    }
    if (Object.values(source).filter((value) => value !== undefined).length > 1) {
      errors.push(fieldError.forbidden(sourcePath, "may not specify more than 1 volume type per source"))
    }
  }
}

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
]

/** A path of the node. */
export function checkHostPath(errors: Errors, path: string, source: corev1.HostPathVolumeSource): void {
  if (!checkRequired(errors, `${path}.path`, source.path)) return
  checkNoBacksteps(errors, `${path}.path`, source.path)
  checkSupported(errors, `${path}.type`, source.type, hostPathTypes)
}

/** A server and an absolute path on it. */
export function checkNfs(errors: Errors, path: string, source: corev1.NFSVolumeSource): void {
  checkRequired(errors, `${path}.server`, source.server)
  checkRequired(errors, `${path}.path`, source.path)
  if (!(source.path ?? "").startsWith("/")) {
    errors.push(fieldError.invalid(`${path}.path`, source.path ?? "", "must be an absolute path"))
  }
}

/** The name of a CSI driver. */
export function checkCsiDriverName(errors: Errors, path: string, name: string | undefined): void {
  checkRequired(errors, path, name)
  if (name && name.length > 63) errors.push(fieldError.tooLong(path, 63))
  if (name) checkTexts(errors, path, name, isDns1123Subdomain(name.toLowerCase()))
}

function checkEphemeral(
  errors: Errors,
  path: string,
  source: corev1.EphemeralVolumeSource,
  owner: { podName: string | undefined; volumeName: string; volumePath: string },
): void {
  if (!source.volumeClaimTemplate) errors.push(fieldError.required(`${path}.volumeClaimTemplate`))
  else checkClaimTemplate(errors, `${path}.volumeClaimTemplate`, source.volumeClaimTemplate)
  if (!owner.podName || !owner.volumeName) return
  const claimName = `${owner.podName}-${owner.volumeName}`
  for (const message of isDns1123Subdomain(claimName)) {
    const detail = `PVC name ${JSON.stringify(claimName)}: ${message}`
    errors.push(fieldError.invalid(`${owner.volumePath}.name`, owner.volumeName, detail))
  }
}

/** Sources whose fields need no more than to be there, with those fields. */
const requiredFields: Readonly<Record<string, readonly string[]>> = {
  gitRepo: ["repository"],
  gcePersistentDisk: ["pdName"],
  awsElasticBlockStore: ["volumeID"],
  iscsi: ["targetPortal", "iqn"],
  glusterfs: ["endpoints", "path"],
  rbd: ["monitors", "image"],
  cinder: ["volumeID"],
  cephfs: ["monitors"],
  flexVolume: ["driver"],
  quobyte: ["registry", "volume"],
  azureFile: ["secretName", "shareName"],
  azureDisk: ["diskName", "diskURI"],
  vsphereVolume: ["volumePath"],
  photonPersistentDisk: ["pdID"],
  portworxVolume: ["volumeID"],
  storageos: ["volumeName"],
  scaleIO: ["gateway", "system", "volumeName"],
}

interface VolumeContext {
  podName: string | undefined
  volume: corev1.Volume
  volumePath: string
}

function checkOtherSource(errors: Errors, path: string, type: string, volume: corev1.Volume): void {
  const source = volume[type as keyof corev1.Volume] as unknown as Record<string, unknown>
  for (const field of requiredFields[type] ?? []) {
    const value = source[field]
    if (Array.isArray(value) && value.length === 0) errors.push(fieldError.required(`${path}.${field}`))
    else checkRequired(errors, `${path}.${field}`, value)
  }
  if (type === "gitRepo") checkDescendingPath(errors, `${path}.directory`, String(source["directory"] ?? ""))
}

function checkSource(errors: Errors, path: string, type: string, { podName, volume, volumePath }: VolumeContext): void {
  if (volume.emptyDir && type === "emptyDir") {
    const { sizeLimit } = volume.emptyDir
    if (sizeLimit !== undefined && (!isQuantity(sizeLimit) || compareQuantities(sizeLimit, "0") < 0)) {
      errors.push(fieldError.forbidden(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity"))
    }
  } else if (volume.hostPath && type === "hostPath") checkHostPath(errors, path, volume.hostPath)
  else if (volume.nfs && type === "nfs") checkNfs(errors, path, volume.nfs)
  else if (volume.secret && type === "secret") {
    checkRequired(errors, `${path}.secretName`, volume.secret.secretName)
    checkMode(errors, `${path}.defaultMode`, volume.secret.defaultMode)
    for (const [item, itemPath] of indexed(`${path}.items`, volume.secret.items)) checkKeyToPath(errors, itemPath, item)
  } else if (volume.configMap && type === "configMap") {
    checkRequired(errors, `${path}.name`, volume.configMap.name)
    checkMode(errors, `${path}.defaultMode`, volume.configMap.defaultMode)
    for (const [item, itemPath] of indexed(`${path}.items`, volume.configMap.items)) {
      checkKeyToPath(errors, itemPath, item)
    }
  } else if (volume.downwardAPI && type === "downwardAPI") {
    checkMode(errors, `${path}.defaultMode`, volume.downwardAPI.defaultMode)
    for (const file of volume.downwardAPI.items ?? []) checkDownwardFile(errors, path, file)
  } else if (volume.projected && type === "projected") checkProjected(errors, path, volume.projected)
  else if (volume.persistentVolumeClaim && type === "persistentVolumeClaim") {
    checkRequired(errors, `${path}.claimName`, volume.persistentVolumeClaim.claimName)
  } else if (volume.ephemeral && type === "ephemeral") {
    checkEphemeral(errors, path, volume.ephemeral, { podName, volumeName: volume.name, volumePath })
  } else if (volume.csi && type === "csi") {
    checkCsiDriverName(errors, `${path}.driver`, volume.csi.driver)
    if (volume.csi.nodePublishSecretRef) {
      checkRequired(errors, `${path}.nodePublishSecretRef.name`, volume.csi.nodePublishSecretRef.name)
    }
  } else if (volume.image && type === "image") {
    checkRequired(errors, `${path}.reference`, volume.image.reference)
    checkSupported(errors, `${path}.pullPolicy`, volume.image.pullPolicy, ["Always", "IfNotPresent", "Never"])
  } else checkOtherSource(errors, path, type, volume)
}

/** The order in which the API names the sources of a volume; the first one set is taken for meant. */
const sourceOrder: readonly string[] = [
  "emptyDir",
  "hostPath",
  "gitRepo",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "secret",
  "nfs",
  "iscsi",
  "glusterfs",
  "flocker",
  "persistentVolumeClaim",
  "rbd",
  "cinder",
  "cephfs",
  "quobyte",
  "downwardAPI",
  "fc",
  "flexVolume",
  "configMap",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "storageos",
  "projected",
  "scaleIO",
  "csi",
  "ephemeral",
  "image",
]

function checkVolume(errors: Errors, path: string, volume: corev1.Volume, podName: string | undefined): void {
  const types = sourceOrder.filter((type) => volume[type as keyof corev1.Volume] !== undefined)
  for (const [index, type] of types.entries()) {
    if (index === 0) checkSource(errors, `${path}.${type}`, type, { podName, volume, volumePath: path })
    else errors.push(fieldError.forbidden(`${path}.${type}`, oneSource))
  }
  if (types.length === 0) errors.push(fieldError.required(path, "must specify a volume type"))
}

/** Checks the volumes of a pod; returns those that are sound, by name, for the mounts to be checked against. */
export function checkVolumes(
  errors: Errors,
  path: string,
  volumes: readonly corev1.Volume[] | undefined,
  metadata: metav1.ObjectMeta | undefined,
): Map<string, corev1.Volume> {
  const sound = new Map<string, corev1.Volume>()
  const podName = metadata?.name
  const created = new Set(
    (volumes ?? []).filter((volume) => podName && volume.ephemeral).map((volume) => `${podName}-${volume.name}`),
  )
  for (const [volume, volumePath] of indexed(path, volumes)) {
    const own: Errors = []
    checkVolume(own, volumePath, volume, podName)
    if (checkRequired(own, `${volumePath}.name`, volume.name)) checkDnsLabel(own, `${volumePath}.name`, volume.name)
    if (sound.has(volume.name)) own.push(fieldError.duplicate(`${volumePath}.name`, volume.name))
    if (own.length === 0) sound.set(volume.name, volume)
    errors.push(...own)
    const claimName = volume.persistentVolumeClaim?.claimName
    if (claimName && created.has(claimName)) {
      const detail = "must not reference a PVC that gets created for an ephemeral volume"
      errors.push(fieldError.invalid(`${volumePath}.persistentVolumeClaim.claimName`, claimName, detail))
    }
  }
  return sound
}
