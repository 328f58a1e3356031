import {
  fieldError,
  isConfigMapKey,
  isDns1123Subdomain,
  isEnvVarName,
  isPortName,
  isPortNumber,
} from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { isSidecar } from "../../../helpers/pods.ts"
import {
  checkDnsLabel,
  checkOneOf,
  checkRequired,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
} from "../../../validation/checks.ts"
import { checkDescendingPath, checkNonReservedPath } from "../../../validation/paths.ts"
import { checkContainerResources } from "../../../validation/resources.ts"
import { checkProbesAndHooks } from "./validation-probes.ts"
import { checkContainerSecurity } from "./validation-security.ts"
import { checkFieldRef, checkResourceFieldRef } from "./validation-volumes.ts"

type AnyContainer = corev1.Container | corev1.EphemeralContainer

/** What containers are checked against. */
export interface ContainerContext {
  volumes: ReadonlyMap<string, corev1.Volume>
  claimNames: ReadonlySet<string>
  graceSeconds: number | undefined
  podRestartPolicy: string
  hostUsers: boolean
}

function checkPorts(errors: Errors, path: string, ports: readonly corev1.ContainerPort[] | undefined): void {
  const names = new Set<string>()
  for (const [port, at] of indexed(path, ports)) {
    if (port.name) {
      const messages = isPortName(port.name)
      checkTexts(errors, `${at}.name`, port.name, messages)
      if (messages.length === 0 && names.has(port.name)) errors.push(fieldError.duplicate(`${at}.name`, port.name))
      names.add(port.name)
    }
    if (!port.containerPort) errors.push(fieldError.required(`${at}.containerPort`))
    else checkTexts(errors, `${at}.containerPort`, port.containerPort, isPortNumber(port.containerPort))
    if (port.hostPort) checkTexts(errors, `${at}.hostPort`, port.hostPort, isPortNumber(port.hostPort))
    checkOneOf(errors, `${at}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"])
  }
}

const envFieldPaths = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
]

function checkKeySelector(errors: Errors, path: string, selector: { name?: string; key: string }): void {
  checkTexts(errors, `${path}.name`, selector.name ?? "", isDns1123Subdomain(selector.name ?? ""))
  if (checkRequired(errors, `${path}.key`, selector.key)) {
    checkTexts(errors, `${path}.key`, selector.key, isConfigMapKey(selector.key))
  }
}

function checkEnvSource(errors: Errors, path: string, variable: corev1.EnvVar): void {
  const source = variable.valueFrom
  if (!source) return
  if (source.fieldRef) checkFieldRef(errors, `${path}.fieldRef`, source.fieldRef, envFieldPaths)
  if (source.resourceFieldRef) {
    checkResourceFieldRef(errors, `${path}.resourceFieldRef`, source.resourceFieldRef, { volume: false })
  }
  if (source.configMapKeyRef) checkKeySelector(errors, `${path}.configMapKeyRef`, source.configMapKeyRef)
  if (source.secretKeyRef) checkKeySelector(errors, `${path}.secretKeyRef`, source.secretKeyRef)
  if (source.fileKeyRef) {
    checkRequired(errors, `${path}.fileKeyRef.key`, source.fileKeyRef.key)
    checkRequired(errors, `${path}.fileKeyRef.volumeName`, source.fileKeyRef.volumeName)
    if (checkRequired(errors, `${path}.fileKeyRef.path`, source.fileKeyRef.path)) {
      checkNonReservedPath(errors, `${path}.fileKeyRef.path`, source.fileKeyRef.path)
    }
  }
  const count = Object.values(source).filter((value) => value !== undefined).length
  if (count === 0) {
    const detail =
      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    errors.push(fieldError.invalid(path, "", detail))
  } else if (variable.value) {
    errors.push(fieldError.invalid(path, "", "may not be specified when `value` is not empty"))
  } else if (count > 1) {
    errors.push(fieldError.invalid(path, "", "may not have more than one field specified at a time"))
  }
}

function checkEnv(errors: Errors, path: string, container: AnyContainer): void {
  for (const [variable, at] of indexed(`${path}.env`, container.env)) {
    if (checkRequired(errors, `${at}.name`, variable.name)) {
      checkTexts(errors, `${at}.name`, variable.name, isEnvVarName(variable.name))
    }
    checkEnvSource(errors, `${at}.valueFrom`, variable)
  }
  const fromPath = `${path}.envFrom`
  for (const [source, at] of indexed(fromPath, container.envFrom)) {
    if (source.prefix) checkTexts(errors, `${at}.prefix`, source.prefix, isEnvVarName(source.prefix))
    for (const key of ["configMapRef", "secretRef"] as const) {
      const ref = source[key]
      if (!ref) continue
      if (checkRequired(errors, `${at}.${key}.name`, ref.name)) {
        checkTexts(errors, `${at}.${key}.name`, ref.name, isDns1123Subdomain(ref.name ?? ""))
      }
    }
    if (!source.configMapRef && !source.secretRef) {
      errors.push(fieldError.invalid(fromPath, "", "must specify one of: `configMapRef` or `secretRef`"))
    } else if (source.configMapRef && source.secretRef) {
      errors.push(fieldError.invalid(fromPath, "", "may not have more than one field specified at a time"))
    }
  }
}

function checkPropagation(errors: Errors, path: string, mount: corev1.VolumeMount, container: AnyContainer): void {
  if (mount.mountPropagation !== undefined) {
    const at = `${path}.mountPropagation`
    checkSupported(errors, at, mount.mountPropagation, ["Bidirectional", "HostToContainer", "None"])
    if (mount.mountPropagation === "Bidirectional" && !container.securityContext?.privileged) {
      const detail = "Bidirectional mount propagation is available only to privileged containers"
      errors.push(fieldError.forbidden(at, detail))
    }
  }
  if (mount.recursiveReadOnly === undefined) return
  const at = `${path}.recursiveReadOnly`
  if (mount.recursiveReadOnly === "Enabled" || mount.recursiveReadOnly === "IfPossible") {
    if (!mount.readOnly) errors.push(fieldError.forbidden(at, "may only be specified when readOnly is true"))
    if (mount.mountPropagation !== undefined && mount.mountPropagation !== "None") {
      const detail = "may only be specified when mountPropagation is None or not specified"
      errors.push(fieldError.forbidden(at, detail))
    }
  } else checkSupported(errors, at, mount.recursiveReadOnly, ["Disabled", "Enabled", "IfPossible"])
}

function checkMounts(errors: Errors, path: string, container: AnyContainer, context: ContainerContext): void {
  const devices = container.volumeDevices ?? []
  const paths = new Set<string>()
  for (const [mount, at] of indexed(path, container.volumeMounts)) {
    const { name = "", mountPath = "" } = mount
    checkRequired(errors, `${at}.name`, name)
    const volume = context.volumes.get(name)
    if (!volume) errors.push(fieldError.notFound(`${at}.name`, name))
    checkRequired(errors, `${at}.mountPath`, mountPath)
    if (paths.has(mountPath)) errors.push(fieldError.invalid(`${at}.mountPath`, mountPath, "must be unique"))
    paths.add(mountPath)
    if (devices.some((device) => device.name === name)) {
      errors.push(fieldError.invalid(`${at}.name`, name, "must not already exist in volumeDevices"))
    }
    if (devices.some((device) => device.devicePath === mountPath)) {
      const detail = "must not already exist as a path in volumeDevices"
      errors.push(fieldError.invalid(`${at}.mountPath`, mountPath, detail))
    }
    if (mount.subPath) checkDescendingPath(errors, `${path}.subPath`, mount.subPath)
    if (mount.subPathExpr) {
      if (mount.subPath) {
        const detail = "subPathExpr and subPath are mutually exclusive"
        errors.push(fieldError.invalid(`${at}.subPathExpr`, mount.subPathExpr, detail))
      }
      checkDescendingPath(errors, `${path}.subPathExpr`, mount.subPathExpr)
    }
    checkPropagation(errors, path, mount, container)
  }
}

function checkDevices(errors: Errors, path: string, container: AnyContainer, context: ContainerContext): void {
  const mounts = container.volumeMounts ?? []
  const names = new Set<string>()
  const paths = new Set<string>()
  for (const [{ name = "", devicePath = "" }, at] of indexed(path, container.volumeDevices)) {
    const volume = context.volumes.get(name)
    checkRequired(errors, `${at}.name`, name)
    if (names.has(name)) errors.push(fieldError.invalid(`${at}.name`, name, "must be unique"))
    if (!volume) errors.push(fieldError.notFound(`${at}.name`, name))
    else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
      const detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
      errors.push(fieldError.invalid(`${at}.name`, name, detail))
    }
    checkRequired(errors, `${at}.devicePath`, devicePath)
    if (paths.has(devicePath)) errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, "must be unique"))
    if (devicePath?.split("/").includes("..")) {
      errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"))
    }
    if (mounts.some((mount) => mount.name === name)) {
      errors.push(fieldError.invalid(`${at}.name`, name, "must not already exist in volumeMounts"))
    }
    if (mounts.some((mount) => mount.mountPath === devicePath)) {
      const detail = "must not already exist as a path in volumeMounts"
      errors.push(fieldError.invalid(`${at}.devicePath`, devicePath, detail))
    }
    names.add(name)
    paths.add(devicePath)
  }
}

function checkResizePolicy(errors: Errors, path: string, container: AnyContainer, podRestartPolicy: string): void {
  const names = new Set<string>()
  for (const [policy, at] of indexed(path, container.resizePolicy)) {
    if (names.has(policy.resourceName)) errors.push(fieldError.duplicate(at, policy.resourceName))
    names.add(policy.resourceName)
    checkOneOf(errors, path, policy.resourceName, ["cpu", "memory"])
    checkOneOf(errors, path, policy.restartPolicy, ["NotRequired", "RestartContainer"])
    if (podRestartPolicy === "Never" && policy.restartPolicy !== "NotRequired") {
      const detail = "must be 'NotRequired' when `restartPolicy` is 'Never'"
      errors.push(fieldError.invalid(path, policy.restartPolicy, detail))
    }
  }
}

function checkCommon(errors: Errors, path: string, container: AnyContainer, context: ContainerContext): void {
  if (checkRequired(errors, `${path}.name`, container.name)) checkDnsLabel(errors, `${path}.name`, container.name)
  checkRequired(errors, `${path}.image`, container.image)
  const policies = ["File", "FallbackToLogsOnError"]
  checkOneOf(errors, `${path}.terminationMessagePolicy`, container.terminationMessagePolicy, policies)
  checkPorts(errors, `${path}.ports`, container.ports)
  checkEnv(errors, path, container)
  checkMounts(errors, `${path}.volumeMounts`, container, context)
  checkDevices(errors, `${path}.volumeDevices`, container, context)
  checkOneOf(errors, `${path}.imagePullPolicy`, container.imagePullPolicy, ["Always", "IfNotPresent", "Never"])
  checkContainerResources(errors, `${path}.resources`, container.resources, context.claimNames)
  checkResizePolicy(errors, `${path}.resizePolicy`, container, context.podRestartPolicy)
  checkContainerSecurity(errors, `${path}.securityContext`, container.securityContext, context)
}

function checkRestartRules(errors: Errors, path: string, container: corev1.Container): void {
  const rules = container.restartPolicyRules ?? []
  if (container.restartPolicy === undefined) {
    if (rules.length > 0) {
      const detail = "must specify restartPolicy when restart rules are used"
      errors.push(fieldError.required(`${path}.restartPolicy`, detail))
    }
    return
  }
  checkSupported(errors, `${path}.restartPolicy`, container.restartPolicy, ["Always", "Never", "OnFailure"])
  if (rules.length > 20) errors.push(fieldError.tooMany(`${path}.restartPolicyRules`, rules.length, 20))
  for (const [rule, at] of indexed(`${path}.restartPolicyRules`, rules)) {
    checkOneOf(errors, `${at}.action`, rule.action, ["Restart", "RestartAllContainers"])
    if (!rule.exitCodes) errors.push(fieldError.required(`${at}.exitCodes`, "must be specified"))
    else checkOneOf(errors, `${at}.exitCodes.operator`, rule.exitCodes.operator, ["In", "NotIn"])
  }
}

function checkHostPortConflicts(
  errors: Errors,
  path: string,
  containers: readonly corev1.Container[],
  first = 0,
): void {
  const taken = new Set<string>()
  for (const [container, , index] of indexed(path, containers)) {
    for (const [port, at] of indexed(`${path}[${index + first}].ports`, container.ports)) {
      if (!port.hostPort) continue
      const text = `${port.protocol ?? ""}/${port.hostIP ?? ""}/${port.hostPort}`
      if (taken.has(text)) errors.push(fieldError.duplicate(`${at}.hostPort`, text))
      taken.add(text)
    }
  }
}

export function checkContainers(
  errors: Errors,
  path: string,
  containers: readonly corev1.Container[],
  context: ContainerContext,
): void {
  if (containers.length === 0) {
    errors.push(fieldError.required(path))
    return
  }
  const names = new Set<string>()
  for (const [container, at] of indexed(path, containers)) {
    checkCommon(errors, at, container, context)
    if (names.has(container.name)) errors.push(fieldError.duplicate(`${at}.name`, container.name))
    names.add(container.name)
    checkProbesAndHooks(errors, at, container, context.graceSeconds)
    checkRestartRules(errors, at, container)
  }
  checkHostPortConflicts(errors, path, containers)
}

export function checkInitContainers(
  errors: Errors,
  path: string,
  spec: corev1.PodSpec,
  context: ContainerContext,
): void {
  const names = new Set((spec.containers ?? []).map((container) => container.name))
  for (const [container, at, index] of indexed(path, spec.initContainers)) {
    checkCommon(errors, at, container, context)
    checkRestartRules(errors, at, container)
    if (names.has(container.name)) errors.push(fieldError.duplicate(`${at}.name`, container.name))
    if (container.name) names.add(container.name)
    checkHostPortConflicts(errors, path, [container], index)
    if (isSidecar(container)) {
      checkProbesAndHooks(errors, at, container, context.graceSeconds)
      continue
    }
    for (const key of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
      if (container[key] === undefined) continue
      const detail = "may not be set for init containers without restartPolicy=Always"
      errors.push(fieldError.forbidden(`${at}.${key}`, detail))
    }
  }
}

const forbiddenForEphemeral = [
  "ports",
  "resources",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
] as const

function isSet(value: unknown): boolean {
  if (value === undefined || value === null) return false
  return typeof value !== "object" || Object.keys(value).length > 0
}

export function checkEphemeralContainers(
  errors: Errors,
  path: string,
  spec: corev1.PodSpec,
  context: ContainerContext,
): void {
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name))
  const names = new Set(others)
  for (const [container, at] of indexed(path, spec.ephemeralContainers)) {
    checkCommon(errors, at, container, context)
    checkImageSpaces(errors, at, container)
    if (names.has(container.name)) errors.push(fieldError.duplicate(`${at}.name`, container.name))
    names.add(container.name)
    const target = container.targetContainerName
    if (target && !others.has(target)) errors.push(fieldError.notFound(`${at}.targetContainerName`, target))
    const detail = "cannot be set for an Ephemeral Container"
    for (const key of forbiddenForEphemeral) {
      if (isSet(container[key])) errors.push(fieldError.forbidden(`${at}.${key}`, detail))
    }
    for (const [mount, mountPath] of indexed(`${at}.volumeMounts`, container.volumeMounts)) {
      if (mount.subPath) errors.push(fieldError.forbidden(`${mountPath}.subPath`, detail))
      if (mount.subPathExpr) errors.push(fieldError.forbidden(`${mountPath}.subPathExpr`, detail))
    }
  }
}

/** Pods are stricter than templates: a template's image may still be filled in. */
export function checkImageSpaces(errors: Errors, path: string, container: AnyContainer): void {
  const image = container.image ?? ""
  if (image.trim() !== image) {
    errors.push(fieldError.invalid(`${path}.image`, image, "must not have leading or trailing whitespace"))
  }
}
