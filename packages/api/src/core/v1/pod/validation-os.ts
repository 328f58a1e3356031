import { fieldError } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { type Errors, indexed } from "../../../validation/checks.ts"

const notOfLinux = "windows options cannot be set for a linux pod"
const notOfWindows = "cannot be set for a windows pod"

const podFieldsOfLinux = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "sysctls",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
] as const

const containerFieldsOfLinux = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const

function forbid(
  errors: Errors,
  path: string,
  holder: object | undefined,
  fields: readonly string[],
  why: string,
): void {
  for (const field of fields) {
    const value = (holder as Record<string, unknown> | undefined)?.[field]
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue
    errors.push(fieldError.forbidden(`${path}.${field}`, why))
  }
}

/** A pod that says which system it is for may not ask for what only the other has. */
export function checkSystem(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const system = spec.os?.name
  if (system !== "linux" && system !== "windows") return
  const isLinux = system === "linux"
  const why = isLinux ? notOfLinux : notOfWindows
  forbid(errors, `${path}.securityContext`, spec.securityContext, isLinux ? ["windowsOptions"] : podFieldsOfLinux, why)
  if (!isLinux) {
    const { hostPID, hostIPC, hostUsers, shareProcessNamespace } = spec
    const own = { hostUsers, hostPID: hostPID || undefined, hostIPC: hostIPC || undefined, shareProcessNamespace }
    forbid(errors, path, own, Object.keys(own), why)
  }
  const fields = isLinux ? ["windowsOptions"] : containerFieldsOfLinux
  for (const list of ["initContainers", "containers", "ephemeralContainers"] as const) {
    const containers: readonly { securityContext?: corev1.SecurityContext }[] | undefined = spec[list]
    for (const [{ securityContext }, at] of indexed(`${path}.${list}`, containers)) {
      forbid(errors, `${at}.securityContext`, securityContext, fields, why)
    }
  }
}
