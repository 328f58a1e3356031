import type { ContainerConfig, Image, LinuxContainerResources, Mount, MountPropagation } from "@ladya/cri"
import { expand, lookupIn } from "../containers/expansion.ts"
import type { Pod, PodContainer } from "../pods/pod.ts"
import { containerAnnotations, containerLabels } from "./labels.ts"
import { containerSecurityContext } from "./security.ts"

export interface ContainerConfigInput {
  pod: Pod
  container: PodContainer
  restartCount: number
  image: Image
  environment: Readonly<Record<string, string>>
  /** The volumes' mounts. */
  mounts: readonly Mount[]
  /** The pod's own /etc/hosts; undefined when the container brings its own. */
  hostsFile: string | undefined
  /** An empty file for the container's last words. */
  terminationMessageFile: string | undefined
  resources: LinuxContainerResources
  seccompDirectory: string
  /** The container whose processes an ephemeral container sees. */
  targetId?: string
}

const propagation: Record<string, MountPropagation> = {
  None: "PROPAGATION_PRIVATE",
  HostToContainer: "PROPAGATION_HOST_TO_CONTAINER",
  Bidirectional: "PROPAGATION_BIDIRECTIONAL",
}

/** How mounts spread, by the API's word for it. */
export function mountPropagation(mode: string | undefined): MountPropagation {
  return propagation[mode ?? "None"] ?? "PROPAGATION_PRIVATE"
}

/** What the runtime is asked to make a container of. Throws a ContainerConfigError. */
export function containerConfig(input: ContainerConfigInput): ContainerConfig {
  const { pod, container, restartCount, image, environment, hostsFile, terminationMessageFile } = input
  const { spec } = container
  const lookup = lookupIn(environment)
  const expandAll = (texts: readonly string[] | undefined): string[] =>
    (texts ?? []).map((text) => expand(text, lookup))
  const mounts: Mount[] = [...input.mounts]
  const taken = (path: string): boolean => mounts.some(({ containerPath }) => containerPath === path)
  if (hostsFile && !taken("/etc/hosts")) {
    // Writable, as it has always been, unless the container's own file system is not.
    const readonly = spec.securityContext?.readOnlyRootFilesystem === true
    mounts.push({ containerPath: "/etc/hosts", hostPath: hostsFile, readonly })
  }
  const messagePath = spec.terminationMessagePath || "/dev/termination-log"
  if (terminationMessageFile && !taken(messagePath)) {
    mounts.push({ containerPath: messagePath, hostPath: terminationMessageFile })
  }
  return {
    metadata: { name: spec.name, attempt: restartCount },
    image: { image: image.id, userSpecifiedImage: spec.image ?? "" },
    command: expandAll(spec.command),
    args: expandAll(spec.args),
    ...(spec.workingDir ? { workingDir: spec.workingDir } : {}),
    envs: Object.entries(environment).map(([key, value]) => ({ key, value })),
    mounts,
    labels: containerLabels(pod, spec),
    annotations: containerAnnotations(pod, { ...spec, terminationMessagePath: messagePath }, restartCount),
    logPath: `${spec.name}/${restartCount}.log`,
    stdin: spec.stdin === true,
    stdinOnce: spec.stdinOnce === true,
    tty: spec.tty === true,
    linux: {
      resources: input.resources,
      securityContext: containerSecurityContext({
        pod,
        container: spec,
        image,
        seccompDirectory: input.seccompDirectory,
        ...(input.targetId ? { targetId: input.targetId } : {}),
      }),
    },
  }
}
