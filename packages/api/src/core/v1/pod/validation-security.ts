import { fieldError, isUserOrGroupId } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { checkSupported, checkTexts, type Errors, indexed } from "../../../validation/checks.ts"
import { checkDescendingPath } from "../../../validation/paths.ts"

const profileTypes = ["Localhost", "RuntimeDefault", "Unconfined"]

function checkSeccomp(errors: Errors, path: string, profile: corev1.SeccompProfile | undefined): void {
  if (!profile) return
  if (!profile.type) {
    errors.push(fieldError.required(`${path}.type`, "type is required when seccompProfile is set"))
  } else checkSupported(errors, `${path}.type`, profile.type, profileTypes)
  if (profile.type === "Localhost") {
    if (profile.localhostProfile === undefined) {
      const detail = "must be set when seccomp type is Localhost"
      errors.push(fieldError.required(`${path}.localhostProfile`, detail))
    } else checkDescendingPath(errors, `${path}.localhostProfile`, profile.localhostProfile)
  } else if (profile.localhostProfile !== undefined) {
    const detail = "can only be set when seccomp type is Localhost"
    errors.push(fieldError.invalid(`${path}.localhostProfile`, profile, detail))
  }
}

function checkAppArmor(errors: Errors, path: string, profile: corev1.AppArmorProfile | undefined): void {
  if (!profile) return
  const localhost = profile.localhostProfile
  if (!profile.type) {
    errors.push(fieldError.required(`${path}.type`, "type is required when appArmorProfile is set"))
  } else checkSupported(errors, `${path}.type`, profile.type, profileTypes)
  if (profile.type === "Localhost") {
    if (localhost !== undefined && localhost.trim() !== localhost) {
      errors.push(fieldError.invalid(`${path}.localhostProfile`, localhost, "must not be padded with whitespace"))
    } else if (!localhost) {
      const detail = "must be set when AppArmor type is Localhost"
      errors.push(fieldError.required(`${path}.localhostProfile`, detail))
    }
    if (localhost && localhost.length > 4095) errors.push(fieldError.tooLong(`${path}.localhostProfile`, 4095))
  } else if (localhost !== undefined && profileTypes.includes(profile.type)) {
    const detail = "can only be set when AppArmor type is Localhost"
    errors.push(fieldError.invalid(`${path}.localhostProfile`, localhost, detail))
  }
}

function checkId(errors: Errors, path: string, id: number | undefined): void {
  if (id !== undefined) checkTexts(errors, path, id, isUserOrGroupId(id))
}

/** The security context of one container. */
export function checkContainerSecurity(
  errors: Errors,
  path: string,
  context: corev1.SecurityContext | undefined,
  options: { hostUsers: boolean },
): void {
  if (!context) return
  checkId(errors, `${path}.runAsUser`, context.runAsUser)
  checkId(errors, `${path}.runAsGroup`, context.runAsGroup)
  if (context.procMount !== undefined) {
    if (options.hostUsers && context.procMount === "Unmasked") {
      const detail = "`hostUsers` must be false to use `Unmasked`"
      errors.push(fieldError.invalid(`${path}.procMount`, context.procMount, detail))
    }
    checkSupported(errors, `${path}.procMount`, context.procMount, ["Default", "Unmasked"])
  }
  checkSeccomp(errors, `${path}.seccompProfile`, context.seccompProfile)
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) {
      const detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
      errors.push(fieldError.invalid(path, context, detail))
    }
    if (context.capabilities?.add?.includes("CAP_SYS_ADMIN")) {
      const detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
      errors.push(fieldError.invalid(path, context, detail))
    }
  }
  checkAppArmor(errors, `${path}.appArmorProfile`, context.appArmorProfile)
}

const sysctlPattern = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
const sysctl = new RegExp(sysctlPattern)

/** Whether setting this would change the host's own network or IPC. */
function sysctlNamespace(name: string): "net" | "ipc" | undefined {
  const dotted = name.replaceAll("/", ".")
  if (dotted.startsWith("net.")) return "net"
  if (/^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted)) return "ipc"
  return undefined
}

function checkSysctls(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const names = new Set<string>()
  for (const [entry, entryPath] of indexed(path, spec.securityContext?.sysctls)) {
    const { name } = entry
    const namePath = `${entryPath}.name`
    if (!name) errors.push(fieldError.required(namePath))
    else if (name.length > 253 || !sysctl.test(name)) {
      errors.push(
        fieldError.invalid(namePath, name, `must have at most 253 characters and match regex ${sysctlPattern}`),
      )
    } else if (names.has(name)) errors.push(fieldError.duplicate(namePath, name))
    names.add(name)
    const namespace = sysctlNamespace(name ?? "")
    if (spec.hostNetwork && namespace === "net") {
      errors.push(fieldError.invalid(namePath, name, "may not be specified when 'hostNetwork' is true"))
    } else if (spec.hostIPC && namespace === "ipc") {
      errors.push(fieldError.invalid(namePath, name, "may not be specified when 'hostIPC' is true"))
    }
  }
}

/** The security context of a pod, and what its host namespaces forbid. */
export function checkPodSecurity(errors: Errors, specPath: string, spec: corev1.PodSpec): void {
  const context = spec.securityContext
  const path = `${specPath}.securityContext`
  if (context) {
    checkId(errors, `${path}.fsGroup`, context.fsGroup)
    checkId(errors, `${path}.runAsUser`, context.runAsUser)
    checkId(errors, `${path}.runAsGroup`, context.runAsGroup)
    for (const [gid, gidPath] of indexed(`${path}.supplementalGroups`, context.supplementalGroups)) {
      checkId(errors, gidPath, gid)
    }
    checkSysctls(errors, `${path}.sysctls`, spec)
    checkSupported(errors, `${path}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ["Always", "OnRootMismatch"])
    checkSeccomp(errors, `${path}.seccompProfile`, context.seccompProfile)
    checkAppArmor(errors, `${path}.appArmorProfile`, context.appArmorProfile)
    checkSupported(errors, `${path}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ["Merge", "Strict"])
    checkSupported(errors, `${path}.seLinuxChangePolicy`, context.seLinuxChangePolicy, ["MountOption", "Recursive"])
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    const detail = "ShareProcessNamespace and HostPID cannot both be enabled"
    errors.push(fieldError.invalid(`${path}.shareProcessNamespace`, true, detail))
  }
  if (spec.hostUsers === false) {
    const detail = "when `hostUsers` is false"
    if (spec.hostNetwork) errors.push(fieldError.forbidden(`${specPath}.hostNetwork`, detail))
    if (spec.hostPID) errors.push(fieldError.forbidden(`${specPath}.hostPID`, detail))
    if (spec.hostIPC) errors.push(fieldError.forbidden(`${specPath}.hostIPC`, detail))
  }
}
