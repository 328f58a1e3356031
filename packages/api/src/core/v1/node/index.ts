import { fieldError, findCondition, isLabelValue } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { parseCidr } from "../../../helpers/ip.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, orNone, text, wide } from "../../../printing/columns.ts"
import { keepField } from "../../../strategy.ts"
import { checkLabelName, type Errors, indexed } from "../../../validation/checks.ts"
import { checkCidr } from "../../../validation/net.ts"
import { checkResourceQuantity } from "../../../validation/resources.ts"
import { checkTaintEffect } from "../pod/validation-scheduling.ts"

type Node = corev1.Node

function checkTaints(errors: Errors, path: string, taints: readonly corev1.Taint[] | undefined): void {
  const seen = new Set<string>()
  for (const [taint, at] of indexed(path, taints)) {
    checkLabelName(errors, `${at}.key`, taint.key ?? "")
    const messages = isLabelValue(taint.value ?? "")
    if (messages.length > 0) errors.push(fieldError.invalid(`${at}.value`, taint.value, messages.join(";")))
    checkTaintEffect(errors, `${at}.effect`, taint.effect)
    const pair = `${taint.key}:${taint.effect}`
    if (seen.has(pair)) {
      errors.push(fieldError.duplicate(at, taint, "taints must be unique by key and effect pair"))
    }
    seen.add(pair)
  }
}

function checkPodCidrs(errors: Errors, cidrs: readonly string[]): void {
  const path = "spec.podCIDRs"
  for (const [cidr, at] of indexed(path, cidrs)) checkCidr(errors, at, cidr)
  if (cidrs.length < 2) return
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)?.address.family))
  if (cidrs.length > 2 || families.size < 2) {
    errors.push(fieldError.invalid(path, cidrs, "may specify no more than one CIDR for each IP family"))
  }
}

function checkResources(errors: Errors, node: Node): void {
  for (const list of ["capacity", "allocatable"] as const) {
    for (const [name, value] of Object.entries(node.status?.[list] ?? {})) {
      checkResourceQuantity(errors, `status.${list}.${name}`, name, value)
    }
  }
}

function validate(next: Node, previous: Node | undefined): Errors {
  const errors: Errors = []
  checkResources(errors, next)
  checkTaints(errors, "metadata.taints", next.spec?.taints)
  if (!previous) {
    checkPodCidrs(errors, next.spec?.podCIDRs ?? [])
    return errors
  }
  const before = previous.spec?.podCIDRs ?? []
  const after = next.spec?.podCIDRs ?? []
  if (before.length > 0 && before.join() !== after.join()) {
    const detail = 'node updates may not change podCIDR except from "" to valid'
    errors.push(fieldError.forbidden("spec.podCIDRs", detail))
  }
  if (previous.spec?.providerID && previous.spec.providerID !== next.spec?.providerID) {
    const detail = 'node updates may not change providerID except from "" to valid'
    errors.push(fieldError.forbidden("spec.providerID", detail))
  }
  return errors
}

function validateStatus(next: Node): Errors {
  const errors: Errors = []
  checkResources(errors, next)
  const seen = new Set<string>()
  for (const [address, at] of indexed("status.addresses", next.status?.addresses)) {
    const text = `${address.type}/${address.address}`
    if (seen.has(text)) errors.push(fieldError.duplicate(at, address))
    seen.add(text)
  }
  return errors
}

function statusText({ spec, status }: Node): string {
  const ready = findCondition(status?.conditions, "Ready")
  const words = [ready ? (ready.status === "True" ? "Ready" : "NotReady") : "Unknown"]
  if (spec?.unschedulable) words.push("SchedulingDisabled")
  return words.join(",")
}

const rolePrefix = "node-role.kubernetes.io/"

function rolesText({ metadata }: Node): string {
  const roles = new Set<string>()
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) roles.add(key.slice(rolePrefix.length))
    else if (key === "kubernetes.io/role" && value) roles.add(value)
  }
  return orNone([...roles].sort().join(","))
}

const address = (node: Node, type: string): string =>
  orNone(node.status?.addresses?.find((entry) => entry.type === type)?.address)

const columns: readonly Column<Node>[] = [
  nameColumn,
  text("Status", statusText),
  text("Roles", rolesText),
  ageColumn,
  text("Version", ({ status }) => status?.nodeInfo?.kubeletVersion ?? ""),
  wide(text("Internal-IP", (node) => address(node, "InternalIP"))),
  wide(text("External-IP", (node) => address(node, "ExternalIP"))),
  wide(text("OS-Image", ({ status }) => status?.nodeInfo?.osImage || "<unknown>")),
  wide(text("Kernel-Version", ({ status }) => status?.nodeInfo?.kernelVersion || "<unknown>")),
  wide(text("Container-Runtime", ({ status }) => status?.nodeInfo?.containerRuntimeVersion || "<unknown>")),
]

export const node: KindBehaviour<Node> = {
  default(draft) {
    draft.spec ??= {}
    draft.status ??= {}
    if (!draft.status.allocatable && draft.status.capacity) draft.status.allocatable = { ...draft.status.capacity }
    // The old singular field is kept equal to the first of the list.
    if (draft.spec.podCIDR && !draft.spec.podCIDRs?.length) draft.spec.podCIDRs = [draft.spec.podCIDR]
    const first = draft.spec.podCIDRs?.[0]
    if (first) draft.spec.podCIDR = first
  },
  prepareForUpdate: (draft, previous) => keepField(draft, previous, "status"),
  prepareForStatusUpdate: (draft, previous) => keepField(draft, previous, "spec"),
  validate,
  validateStatus,
  selectableFields: ({ spec }) => ({ "spec.unschedulable": String(spec?.unschedulable ?? false) }),
  columns,
}
