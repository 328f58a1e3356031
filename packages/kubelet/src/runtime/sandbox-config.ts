import type { PodSandboxConfig, PortMapping, Protocol } from "@ladya/cri"
import { isHostNetwork, type Pod, podContainers } from "../pods/pod.ts"
import { podDns, type ResolverFacts } from "./dns.ts"
import { podHostname } from "./hostname.ts"
import { sandboxLabels } from "./labels.ts"
import { sandboxSecurityContext } from "./security.ts"

export interface SandboxConfigInput {
  pod: Pod
  attempt: number
  logDirectory: string
  cgroupParent: string
  seccompDirectory: string
  resolver: ResolverFacts
}

function portMappings(pod: Pod): PortMapping[] {
  // In the node's network every port is the node's own.
  if (isHostNetwork(pod)) return []
  return podContainers(pod).flatMap(({ spec }) =>
    (spec.ports ?? [])
      .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
      .map((port) => ({
        protocol: (port.protocol ?? "TCP") as Protocol,
        containerPort: port.containerPort,
        hostPort: port.hostPort ?? 0,
        ...(port.hostIP ? { hostIp: port.hostIP } : {}),
      })),
  )
}

/** `kernel/shm_rmid_forced` and `kernel.shm_rmid_forced` name the same: the runtime wants dots. */
function sysctlName(name: string): string {
  const separator = name.search(/[./]/)
  if (separator < 0 || name[separator] === ".") return name
  return name.replace(/[./]/g, (character) => (character === "/" ? "." : "/"))
}

/** What the runtime is asked to make a pod's sandbox of. The same pod and attempt give the same configuration. */
export function sandboxConfig(input: SandboxConfigInput): PodSandboxConfig {
  const { pod } = input
  const sysctls = Object.fromEntries(
    (pod.spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [sysctlName(name), value]),
  )
  const ports = portMappings(pod)
  return {
    metadata: {
      name: pod.metadata.name ?? "",
      namespace: pod.metadata.namespace ?? "",
      uid: pod.metadata.uid ?? "",
      attempt: input.attempt,
    },
    ...(isHostNetwork(pod) ? {} : { hostname: podHostname(pod, input.resolver.clusterDomain).hostname }),
    logDirectory: input.logDirectory,
    dnsConfig: podDns(pod, input.resolver),
    ...(ports.length > 0 ? { portMappings: ports } : {}),
    labels: sandboxLabels(pod),
    annotations: { ...pod.metadata.annotations },
    linux: {
      cgroupParent: input.cgroupParent,
      securityContext: sandboxSecurityContext(pod, input.seccompDirectory),
      ...(Object.keys(sysctls).length > 0 ? { sysctls } : {}),
    },
  }
}
