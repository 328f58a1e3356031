import { isAbsolute, join } from "node:path"
import type { corev1 } from "@ladya/api"
import type {
  Image,
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  NamespaceOption,
  SecurityProfile,
} from "@ladya/cri"
import { ContainerConfigError } from "../containers/environment.ts"
import { type Pod, podContainers, podText } from "../pods/pod.ts"

const maskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
]
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

/** The namespaces of the sandbox, and of every container that does not say otherwise. */
export function podNamespaces(pod: Pod): NamespaceOption {
  const spec = pod.spec
  return {
    network: spec?.hostNetwork ? "NODE" : "POD",
    ipc: spec?.hostIPC ? "NODE" : "POD",
    pid: spec?.hostPID ? "NODE" : spec?.shareProcessNamespace ? "POD" : "CONTAINER",
  }
}

function seccompProfile(
  profile: corev1.SeccompProfile | undefined,
  seccompDirectory: string,
  fallback: SecurityProfile,
): SecurityProfile {
  switch (profile?.type) {
    case "RuntimeDefault":
      return { profileType: "RuntimeDefault" }
    case "Unconfined":
      return { profileType: "Unconfined" }
    case "Localhost": {
      const name = profile.localhostProfile ?? ""
      if (name === "")
        throw new ContainerConfigError("localhostProfile must be set if seccompProfile type is Localhost.")
      if (isAbsolute(name) || name.split("/").includes("..")) {
        throw new ContainerConfigError(
          `localhostProfile ${JSON.stringify(name)} must be a path below the node's profiles`,
        )
      }
      return { profileType: "Localhost", localhostRef: join(seccompDirectory, name) }
    }
    default:
      return fallback
  }
}

const selinux = (options: corev1.SELinuxOptions | undefined): object =>
  options ? { selinuxOptions: { ...options } } : {}

function groups(pod: Pod): number[] {
  const context = pod.spec?.securityContext
  return [...(context?.fsGroup !== undefined ? [context.fsGroup] : []), ...(context?.supplementalGroups ?? [])]
}

const groupsPolicy = (pod: Pod): object =>
  pod.spec?.securityContext?.supplementalGroupsPolicy === "Strict" ? { supplementalGroupsPolicy: "Strict" } : {}

/** The security context of a pod's sandbox, that is, of its pause process. */
export function sandboxSecurityContext(pod: Pod, seccompDirectory: string): LinuxSandboxSecurityContext {
  const context = pod.spec?.securityContext
  const privileged = podContainers(pod).some(({ spec }) => spec.securityContext?.privileged === true)
  return {
    namespaceOptions: podNamespaces(pod),
    privileged,
    ...(context?.runAsUser !== undefined ? { runAsUser: { value: context.runAsUser } } : {}),
    ...(context?.runAsGroup !== undefined && context.runAsUser !== undefined
      ? { runAsGroup: { value: context.runAsGroup } }
      : {}),
    ...(groups(pod).length > 0 ? { supplementalGroups: groups(pod) } : {}),
    ...groupsPolicy(pod),
    ...selinux(context?.seLinuxOptions),
    seccomp: seccompProfile(context?.seccompProfile, seccompDirectory, { profileType: "RuntimeDefault" }),
  }
}

/** Throws when the container must not run as root and would, or might. */
function verifyNonRoot(pod: Pod, container: corev1.Container, image: Pick<Image, "uid" | "username">): void {
  const podContext = pod.spec?.securityContext
  const own = container.securityContext
  if ((own?.runAsNonRoot ?? podContext?.runAsNonRoot) !== true) return
  const who = `(pod: ${JSON.stringify(podText(pod))}, container: ${container.name})`
  const user = own?.runAsUser ?? podContext?.runAsUser
  if (user !== undefined) {
    if (user === 0) throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${who}`)
    return
  }
  if (image.uid !== undefined) {
    if (image.uid !== 0) return
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${who}`)
  }
  if (image.username !== "") {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${who}`,
    )
  }
  throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${who}`)
}

export interface ContainerSecurityInput {
  pod: Pod
  container: corev1.Container
  image: Pick<Image, "uid" | "username">
  seccompDirectory: string
  /** The container whose processes an ephemeral container sees. */
  targetId?: string
}

/** The security context of a container, from its own and its pod's. Throws a ContainerConfigError. */
export function containerSecurityContext(input: ContainerSecurityInput): LinuxContainerSecurityContext {
  const { pod, container, image, seccompDirectory, targetId } = input
  verifyNonRoot(pod, container, image)
  const podContext = pod.spec?.securityContext
  const own = container.securityContext
  const user = own?.runAsUser ?? podContext?.runAsUser ?? image.uid
  const group = own?.runAsGroup ?? podContext?.runAsGroup
  const privileged = own?.privileged === true
  const namespaces = podNamespaces(pod)
  const unmasked = privileged || own?.procMount === "Unmasked"
  return {
    namespaceOptions: targetId ? { ...namespaces, pid: "TARGET", targetId } : namespaces,
    privileged,
    readonlyRootfs: own?.readOnlyRootFilesystem === true,
    // A privileged process keeps what it has, whatever the field says.
    noNewPrivs: own?.allowPrivilegeEscalation === false && !privileged,
    capabilities: {
      addCapabilities: own?.capabilities?.add ?? [],
      dropCapabilities: own?.capabilities?.drop ?? [],
    },
    // An image that names no user runs as root.
    ...(user === undefined && image.username ? { runAsUsername: image.username } : { runAsUser: { value: user ?? 0 } }),
    ...(group !== undefined ? { runAsGroup: { value: group } } : {}),
    ...(groups(pod).length > 0 ? { supplementalGroups: groups(pod) } : {}),
    ...groupsPolicy(pod),
    ...selinux(own?.seLinuxOptions ?? podContext?.seLinuxOptions),
    seccomp: privileged
      ? { profileType: "Unconfined" }
      : seccompProfile(own?.seccompProfile ?? podContext?.seccompProfile, seccompDirectory, {
          profileType: "Unconfined",
        }),
    maskedPaths: unmasked ? [] : maskedPaths,
    readonlyPaths: unmasked ? [] : readonlyPaths,
  }
}
