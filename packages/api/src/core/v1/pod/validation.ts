import { type FieldError, fieldError, isQualifiedName, semanticEqual } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { podQosClass } from "../../../helpers/pod-resources.ts"
import { containersOf, isSidecar } from "../../../helpers/pods.ts"
import { differences } from "../../../strategy.ts"
import {
  checkDnsSubdomain,
  checkImmutable,
  checkRequired,
  checkTexts,
  type Errors,
  indexed,
} from "../../../validation/checks.ts"
import { checkIp } from "../../../validation/net.ts"
import { checkImageSpaces } from "./validation-containers.ts"
import { checkPodSpec } from "./validation-spec.ts"

type Pod = corev1.Pod

const deletionCost = "controller.kubernetes.io/pod-deletion-cost"
const mirror = "kubernetes.io/config.mirror"
const noSpec: corev1.PodSpec = { containers: [] }

function checkAnnotations(errors: Errors, pod: Pod): void {
  const path = "metadata.annotations"
  const annotations = pod.metadata.annotations ?? {}
  if (annotations[mirror] !== undefined && !pod.spec?.nodeName) {
    const detail = "must set spec.nodeName if mirror pod annotation is set"
    errors.push(fieldError.invalid(`${path}[${mirror}]`, annotations[mirror], detail))
  }
  const cost = annotations[deletionCost]
  if (cost !== undefined && (!/^(0|-?[1-9]\d*)$/.test(cost) || Math.abs(Number(cost)) > 2 ** 31 - 1)) {
    errors.push(fieldError.invalid(`${path}[${deletionCost}]`, cost, "must be a 32bit integer"))
  }
}

function checkPod(errors: Errors, pod: Pod): void {
  const spec = pod.spec ?? noSpec
  checkAnnotations(errors, pod)
  checkPodSpec(errors, "spec", spec, { metadata: pod.metadata, isPod: true })
  if (!spec.serviceAccountName) {
    for (const [volume, at] of indexed("spec.volumes", spec.volumes)) {
      for (const [source, sourcePath] of indexed(`${at}.projected.sources`, volume.projected?.sources)) {
        if (!source.serviceAccountToken) continue
        const detail = "must not be specified when serviceAccountName is not set"
        errors.push(fieldError.forbidden(`${sourcePath}.serviceAccountToken`, detail))
      }
    }
  }
  for (const [container, at] of indexed("spec.containers", spec.containers)) checkImageSpaces(errors, at, container)
  for (const [container, at] of indexed("spec.initContainers", spec.initContainers)) {
    checkImageSpaces(errors, at, container)
  }
}

function validateCreate(pod: Pod): FieldError[] {
  const errors: Errors = []
  checkPod(errors, pod)
  if (pod.spec?.ephemeralContainers?.length) {
    errors.push(fieldError.forbidden("spec.ephemeralContainers", "cannot be set on create"))
  }
  if (pod.spec?.nodeName && pod.spec.schedulingGates?.length) {
    errors.push(fieldError.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
  }
  return errors
}

function checkDeadline(errors: Errors, next: corev1.PodSpec, previous: corev1.PodSpec): void {
  const path = "spec.activeDeadlineSeconds"
  const before = previous.activeDeadlineSeconds
  const now = next.activeDeadlineSeconds
  if (now === undefined) {
    if (before !== undefined) {
      errors.push(fieldError.invalid(path, null, "must not update from a positive integer to nil value"))
    }
  } else if (before !== undefined && before < now) {
    errors.push(fieldError.invalid(path, now, "must be less than or equal to previous value"))
  }
}

function checkAddedTolerations(errors: Errors, next: corev1.PodSpec, previous: corev1.PodSpec): void {
  const path = "spec.tolerations"
  for (const old of previous.tolerations ?? []) {
    const kept = next.tolerations?.some((toleration) =>
      semanticEqual({ ...toleration, tolerationSeconds: 0 }, { ...old, tolerationSeconds: 0 }),
    )
    if (!kept) {
      const detail = "existing toleration can not be modified except its tolerationSeconds"
      errors.push(fieldError.forbidden(path, detail))
      return
    }
  }
}

function checkGates(errors: Errors, next: corev1.PodSpec, previous: corev1.PodSpec): void {
  const known = new Set((previous.schedulingGates ?? []).map((gate) => gate.name))
  for (const [gate, at] of indexed("spec.schedulingGates", next.schedulingGates)) {
    if (known.has(gate.name)) continue
    const detail = `only deletion is allowed, but found new scheduling gate '${gate.name}'`
    errors.push(fieldError.forbidden(`${at}.name`, detail))
  }
}

const updatable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",")

// While a pod is gated nobody has looked at it yet: its node selection may still be narrowed.
function checkGatedNarrowing(errors: Errors, next: corev1.PodSpec, previous: corev1.PodSpec): void {
  for (const [key, value] of Object.entries(previous.nodeSelector ?? {})) {
    if (next.nodeSelector?.[key] === value) continue
    errors.push(
      fieldError.invalid(
        "spec.nodeSelector",
        next.nodeSelector ?? null,
        "only additions are allowed to spec.nodeSelector (no mutations or deletions)",
      ),
    )
    break
  }
  const path = "spec.affinity.nodeAffinity"
  const required = "requiredDuringSchedulingIgnoredDuringExecution"
  const before = previous.affinity?.nodeAffinity?.[required]
  const now = next.affinity?.nodeAffinity?.[required]
  if (!before || semanticEqual(before, now)) return
  const oldTerms = before.nodeSelectorTerms ?? []
  const newTerms = now?.nodeSelectorTerms ?? []
  const at = `${path}.${required}.nodeSelectorTerms`
  if (oldTerms.length !== newTerms.length) {
    errors.push(
      fieldError.invalid(at, newTerms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed"),
    )
    return
  }
  for (const [index, term] of oldTerms.entries()) {
    const later = newTerms[index]
    const kept = (["matchExpressions", "matchFields"] as const).every((key) =>
      (term[key] ?? []).every((requirement) => later?.[key]?.some((other) => semanticEqual(other, requirement))),
    )
    if (!kept) {
      errors.push(
        fieldError.invalid(`${at}[${index}]`, later, "only additions are allowed (no mutations or deletions)"),
      )
    }
  }
}

function withoutUpdatable(next: corev1.PodSpec, previous: corev1.PodSpec): corev1.PodSpec {
  const masked: Record<string, unknown> = { ...next }
  const images = (list: corev1.Container[] | undefined, stored: corev1.Container[] | undefined): unknown =>
    list?.map((container, index) => ({ ...container, image: stored?.[index]?.image }))
  masked["containers"] = images(next.containers, previous.containers)
  masked["initContainers"] = images(next.initContainers, previous.initContainers)
  const fields: (keyof corev1.PodSpec)[] = ["activeDeadlineSeconds", "tolerations", "schedulingGates"]
  if ((previous.terminationGracePeriodSeconds ?? 0) < 0 && next.terminationGracePeriodSeconds === 1) {
    fields.push("terminationGracePeriodSeconds")
  }
  if (previous.schedulingGates?.length) {
    fields.push("nodeSelector")
    const { nodeAffinity: _, ...rest } = next.affinity ?? {}
    const nodeAffinity = previous.affinity?.nodeAffinity
    const affinity = nodeAffinity ? { ...rest, nodeAffinity } : rest
    masked["affinity"] = Object.keys(affinity).length > 0 || previous.affinity ? affinity : undefined
  }
  for (const field of fields) masked[field] = previous[field]
  return masked as unknown as corev1.PodSpec
}

function validateUpdate(pod: Pod, stored: Pod): FieldError[] {
  const errors: Errors = []
  const next = pod.spec ?? noSpec
  const previous = stored.spec ?? noSpec
  checkPod(errors, pod)
  const before = stored.metadata.annotations?.[mirror]
  const after = pod.metadata.annotations?.[mirror]
  if (before !== after) {
    const detail =
      before === undefined ? "may not add mirror pod annotation" : "may not remove or update mirror pod annotation"
    errors.push(fieldError.forbidden(`metadata.annotations[${mirror}]`, detail))
  }
  for (const list of ["containers", "initContainers"] as const) {
    if ((next[list]?.length ?? 0) !== (previous[list]?.length ?? 0)) {
      errors.push(fieldError.forbidden(`spec.${list}`, "pod updates may not add or remove containers"))
      return errors
    }
  }
  checkDeadline(errors, next, previous)
  checkAddedTolerations(errors, next, previous)
  checkGates(errors, next, previous)
  if (previous.schedulingGates?.length) checkGatedNarrowing(errors, next, previous)
  const masked = withoutUpdatable(next, previous)
  if (!semanticEqual(masked, previous)) {
    const changes = differences(masked, previous, "spec").join("\n")
    errors.push(fieldError.forbidden("spec", `pod updates may not change fields other than ${updatable}\n${changes}`))
  }
  return errors
}

/** Every wrong field of a new pod, or of an update by a client. */
export function validatePod(pod: Pod, previous: Pod | undefined): FieldError[] {
  return previous ? validateUpdate(pod, previous) : validateCreate(pod)
}

function checkTransitions(
  errors: Errors,
  path: string,
  next: readonly corev1.ContainerStatus[] | undefined,
  previous: readonly corev1.ContainerStatus[] | undefined,
  mayRestart: (status: corev1.ContainerStatus) => boolean,
): void {
  for (const [old, at] of indexed(path, previous)) {
    if (!old.state?.terminated || mayRestart(old)) continue
    const now = next?.find((status) => status.name === old.name)
    if (now && !now.state?.terminated) {
      errors.push(fieldError.forbidden(`${at}.state`, "may not be transitioned to non-terminated state"))
    }
  }
}

const systemConditions = new Set(["PodScheduled", "Ready", "Initialized"])

/** What a status update may not say. */
export function validatePodStatus(pod: Pod, stored: Pod): FieldError[] {
  const errors: Errors = []
  const next = pod.status ?? {}
  const previous = stored.status ?? {}
  const spec = stored.spec ?? noSpec
  for (const [condition, at] of indexed("metadata.conditions", next.conditions)) {
    if (systemConditions.has(condition.type)) continue
    checkTexts(errors, `${at}.Type`, condition.type, isQualifiedName(condition.type ?? ""))
  }
  if (next.nominatedNodeName && next.nominatedNodeName !== previous.nominatedNodeName) {
    checkDnsSubdomain(errors, "status.nominatedNodeName", next.nominatedNodeName)
  }
  checkImmutable(errors, "status.qosClass", next.qosClass, previous.qosClass ?? podQosClass(spec))
  // Containers with restart rules of their own may come back whatever the pod's policy says.
  const ruled = new Set(
    [...containersOf(spec)]
      .filter(
        ({ sort, container }) => sort !== "ephemeral" && (container as corev1.Container).restartPolicy !== undefined,
      )
      .map(({ container }) => container.name),
  )
  const byPolicy = (status: corev1.ContainerStatus): boolean =>
    spec.restartPolicy === "Always" ||
    ruled.has(status.name) ||
    (spec.restartPolicy === "OnFailure" && status.state?.terminated?.exitCode !== 0)
  checkTransitions(errors, "status.containerStatuses", next.containerStatuses, previous.containerStatuses, byPolicy)
  checkTransitions(
    errors,
    "status.initContainerStatuses",
    next.initContainerStatuses,
    previous.initContainerStatuses,
    byPolicy,
  )
  checkTransitions(
    errors,
    "status.ephemeralContainerStatuses",
    next.ephemeralContainerStatuses,
    previous.ephemeralContainerStatuses,
    () => false,
  )
  for (const [ip, at] of indexed("status.podIPs", next.podIPs)) checkIp(errors, at, ip.ip ?? "")
  for (const [ip, at] of indexed("status.hostIPs", next.hostIPs)) checkIp(errors, at, ip.ip ?? "")
  const firstHostIP = next.hostIPs?.[0]?.ip
  if (firstHostIP !== undefined && firstHostIP !== next.hostIP) {
    errors.push(fieldError.invalid("status.hostIPs[0].ip", firstHostIP, "must be equal to `hostIP`"))
  }
  return errors
}

/** Debug containers are added, never changed or taken away. */
export function validateEphemeralContainers(pod: Pod, stored: Pod): FieldError[] {
  if (stored.metadata.annotations?.[mirror] !== undefined) {
    return [fieldError.forbidden("[]", "static pods do not support ephemeral containers")]
  }
  const errors: Errors = []
  checkPod(errors, pod)
  const path = "spec.ephemeralContainers"
  for (const old of stored.spec?.ephemeralContainers ?? []) {
    const now = pod.spec?.ephemeralContainers?.find((container) => container.name === old.name)
    const name = JSON.stringify(old.name)
    if (!now) errors.push(fieldError.forbidden(path, `existing ephemeral containers ${name} may not be removed\n`))
    else if (!semanticEqual(now, old)) {
      const changes = differences(now, old, path).join("\n")
      errors.push(fieldError.forbidden(path, `existing ephemeral containers ${name} may not be changed\n${changes}`))
    }
  }
  return errors
}

function checkResources(errors: Errors, path: string, next: corev1.Container, old: corev1.Container): void {
  for (const list of ["requests", "limits"] as const) {
    const removed = Object.keys(old.resources?.[list] ?? {}).some(
      (name) => next.resources?.[list]?.[name] === undefined,
    )
    if (removed) errors.push(fieldError.forbidden(`${path}.${list}`, `resource ${list} cannot be removed`))
    const names = new Set([...Object.keys(next.resources?.[list] ?? {}), ...Object.keys(old.resources?.[list] ?? {})])
    for (const name of names) {
      if (name === "cpu" || name === "memory") continue
      if (next.resources?.[list]?.[name] !== old.resources?.[list]?.[name]) {
        errors.push(fieldError.forbidden("spec", "only cpu and memory resources are mutable"))
      }
    }
  }
}

/** Only cpu and memory of containers and sidecars may be resized, and not so that the QoS class changes. */
export function validateResize(pod: Pod, stored: Pod): FieldError[] {
  if (stored.metadata.annotations?.[mirror] !== undefined) {
    return [fieldError.forbidden("[]", "static pods cannot be resized")]
  }
  const errors: Errors = []
  checkPod(errors, pod)
  const next = pod.spec ?? noSpec
  const previous = stored.spec ?? noSpec
  if (podQosClass(next) !== (stored.status?.qosClass ?? podQosClass(previous))) {
    const detail = "Pod QOS Class may not change as a result of resizing"
    errors.push(fieldError.invalid("spec", stored.status?.qosClass, detail))
  }
  for (const [old, at, index] of indexed("spec.containers", previous.containers)) {
    const now = next.containers[index]
    if (now) checkResources(errors, `${at}.resources`, now, old)
  }
  for (const [old, at, index] of indexed("spec.initContainers", previous.initContainers)) {
    const now = next.initContainers?.[index]
    if (!now) continue
    if (isSidecar(old)) checkResources(errors, `${at}.resources`, now, old)
    else if (!semanticEqual(now, old)) {
      errors.push(fieldError.forbidden("spec", "resources for non-sidecar init containers are immutable"))
    }
  }
  return errors
}

/** A binding names a node. */
export function validateBinding(binding: corev1.Binding): FieldError[] {
  const errors: Errors = []
  const kind = binding.target?.kind
  if (kind && kind !== "Node") errors.push(fieldError.notSupported("target.kind", kind, ["Node", "<empty>"]))
  checkRequired(errors, "target.name", binding.target?.name)
  return errors
}
