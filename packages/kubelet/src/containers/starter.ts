import { randomBytes } from "node:crypto"
import { chmod, mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { corev1 } from "@ladya/api"
import { CriError, type Image, type Mount, type PodSandboxConfig, type RuntimeService } from "@ladya/cri"
import { errorMessage } from "@ladya/util"
import type { PodEvents } from "../events/pod-events.ts"
import type { HookRunner } from "../lifecycle/hooks.ts"
import type { PodDirectories } from "../pods/directories.ts"
import { type Pod, type PodContainer, podUid } from "../pods/pod.ts"
import { containerConfig, mountPropagation } from "../runtime/container-config.ts"
import { ImageError, type ImagePuller } from "../runtime/image-puller.ts"
import { linuxResources } from "../runtime/linux-resources.ts"
import type { ObservedSandbox } from "../runtime/observed.ts"
import type { VolumeManager } from "../volumes/index.ts"
import { type ConfigReader, ContainerConfigError, containerEnvironment } from "./environment.ts"
import { expand, lookupIn } from "./expansion.ts"
import type { PodFacts } from "./references.ts"

/** A container was not started. `reason` and the message become its waiting state. */
export class StartError extends Error {
  override name = "StartError"
  readonly reason: string
  /** When to try again; undefined for the usual time. */
  readonly retryAfterMs: number | undefined
  /** Nothing was made: the runtime has no instance of it. */
  readonly early: boolean

  constructor(reason: string, message: string, options: { retryAfterMs?: number | undefined; early?: boolean } = {}) {
    super(message)
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
    this.early = options.early ?? true
  }
}

/** What all containers of a pod share when they are started. */
export interface PodContext {
  pod: Pod
  sandbox: ObservedSandbox
  sandboxConfig: PodSandboxConfig
  facts: PodFacts
  /** Host paths by volume name. */
  volumes: ReadonlyMap<string, string>
  signal: AbortSignal
}

export interface StartRequest {
  container: PodContainer
  restartCount: number
  /** The container whose processes an ephemeral container is to see. */
  targetId?: string
}

export interface ContainerStarter {
  /** Pulls, makes and starts a container and runs its postStart hook. Rejects with a StartError. */
  start(context: PodContext, request: StartRequest): Promise<void>
}

export interface ContainerStarterDeps {
  runtime: RuntimeService
  puller: ImagePuller
  hooks: HookRunner
  volumes: Pick<VolumeManager, "prepareSubPath">
  directories: PodDirectories
  reader: ConfigReader
  events: PodEvents
  cgroupVersion: 1 | 2
  memoryCapacityBytes(): number
  allocatable(): Readonly<Record<string, string>>
  serviceVariables(pod: Pod): Record<string, string>
  /** Limits how many containers are being made at once. */
  gate: { run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> }
}

/** The runtime's text for a failed call, without the wrapping that users do not see. */
const callText = (error: unknown): string => (error instanceof CriError ? error.message : errorMessage(error))

export function newContainerStarter(deps: ContainerStarterDeps): ContainerStarter {
  const { runtime, events } = deps

  async function image(context: PodContext, { container }: StartRequest): Promise<Image> {
    const { pod, sandboxConfig, signal } = context
    const { spec } = container
    const event = (type: "Normal" | "Warning", reason: string, message: string): void =>
      events.container(pod, container, type, reason, message)
    try {
      return await deps.puller.ensure({
        image: spec.image ?? "",
        policy: spec.imagePullPolicy ?? "IfNotPresent",
        podUid: podUid(pod),
        pullSecrets: await pullSecrets(pod),
        sandboxConfig,
        event,
        signal,
      })
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      event("Warning", "Failed", `Error: ${error.reason}`)
      throw new StartError(error.reason, error.message, { retryAfterMs: error.retryAfterMs })
    }
  }

  async function pullSecrets(pod: Pod): Promise<corev1.Secret[]> {
    const names = pod.spec?.imagePullSecrets ?? []
    const found = await Promise.all(
      names.map(({ name }) => (name ? deps.reader.secret(pod.metadata.namespace ?? "", name) : undefined)),
    )
    const missing = names.filter((_, index) => !found[index]).map(({ name }) => name)
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`
      events.pod(pod, "Warning", "FailedToRetrieveImagePullSecret", message)
    }
    return found.filter((secret) => secret !== undefined)
  }

  async function mounts(
    context: PodContext,
    { container: { spec } }: StartRequest,
    environment: Readonly<Record<string, string>>,
  ): Promise<Mount[]> {
    const result: Mount[] = []
    for (const [mountIndex, mount] of (spec.volumeMounts ?? []).entries()) {
      let hostPath = context.volumes.get(mount.name)
      if (hostPath === undefined) {
        throw new ContainerConfigError(
          `cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(spec.name)}`,
        )
      }
      const subPath = mount.subPathExpr ? expandSubPath(mount.subPathExpr, environment) : mount.subPath
      if (subPath) {
        hostPath = await deps.volumes
          .prepareSubPath({
            podUid: podUid(context.pod),
            volumeName: mount.name,
            containerName: spec.name,
            mountIndex,
            hostPath,
            subPath,
          })
          .catch((error: unknown) => {
            const why = `failed to prepare subPath for volumeMount ${JSON.stringify(mount.name)} of container ${JSON.stringify(spec.name)}`
            throw new ContainerConfigError(`${why}: ${errorMessage(error)}`)
          })
      }
      result.push({
        containerPath: mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`,
        hostPath,
        readonly: mount.readOnly === true,
        propagation: mountPropagation(mount.mountPropagation),
        ...(mount.readOnly && mount.recursiveReadOnly === "Enabled" ? { recursiveReadOnly: true } : {}),
      })
    }
    return result
  }

  async function terminationMessageFile(pod: Pod, container: PodContainer): Promise<string> {
    const directory = deps.directories.container(podUid(pod), container.spec.name)
    await mkdir(directory, { recursive: true, mode: 0o750 })
    const file = join(directory, randomBytes(4).toString("hex"))
    // Whoever the container runs as must be able to write it.
    await writeFile(file, "")
    await chmod(file, 0o666)
    return file
  }

  async function create(context: PodContext, request: StartRequest, pulled: Image): Promise<string> {
    const { pod, sandbox, sandboxConfig, facts } = context
    const { container } = request
    const environment = await containerEnvironment({
      pod,
      container: container.spec,
      facts,
      allocatable: deps.allocatable(),
      serviceVariables: deps.serviceVariables(pod),
      reader: deps.reader,
    })
    const config = containerConfig({
      pod,
      container,
      restartCount: request.restartCount,
      image: pulled,
      environment,
      mounts: await mounts(context, request, environment),
      hostsFile: deps.directories.hostsFile(podUid(pod)),
      terminationMessageFile: await terminationMessageFile(pod, container),
      resources: linuxResources({
        pod,
        container: container.spec,
        memoryCapacityBytes: deps.memoryCapacityBytes(),
        cgroupVersion: deps.cgroupVersion,
      }),
      seccompDirectory: deps.directories.seccomp,
      ...(request.targetId ? { targetId: request.targetId } : {}),
    })
    try {
      return await runtime.createContainer(sandbox.id, config, sandboxConfig)
    } catch (error) {
      throw new StartError("CreateContainerError", callText(error))
    }
  }

  async function postStart(context: PodContext, { container }: StartRequest, containerId: string): Promise<void> {
    const hook = container.spec.lifecycle?.postStart
    if (!hook) return
    const podIp = context.facts.podIps[0] ?? ""
    try {
      await deps.hooks.run(hook, { containerId, container: container.spec, podIp, signal: context.signal })
    } catch (error) {
      context.signal.throwIfAborted()
      events.container(context.pod, container, "Warning", "FailedPostStartHook", "PostStartHook failed")
      const grace = context.pod.spec?.terminationGracePeriodSeconds ?? 30
      events.container(context.pod, container, "Normal", "Killing", "FailedPostStartHook")
      await runtime.stopContainer(containerId, Math.max(2, grace), { signal: context.signal })
      throw new StartError("PostStartHookError", errorMessage(error), { early: false })
    }
  }

  return {
    async start(context, request) {
      const { pod, signal } = context
      const { container } = request
      const pulled = await image(context, request)
      try {
        // Making and starting are not broken off half-way: the runtime would be left with an unknown state.
        const containerId = await deps.gate.run(async () => {
          const id = await create(context, request, pulled)
          events.container(pod, container, "Normal", "Created", "Container created")
          await runtime.startContainer(id).catch((error: unknown) => {
            throw new StartError("RunContainerError", callText(error), { early: false })
          })
          return id
        }, signal)
        events.container(pod, container, "Normal", "Started", "Container started")
        await postStart(context, request, containerId)
      } catch (error) {
        if (signal.aborted && !(error instanceof StartError)) throw error
        const failure = toStartError(error)
        if (failure.reason !== "PostStartHookError") {
          events.container(pod, container, "Warning", "Failed", `Error: ${failure.message}`)
        }
        throw failure
      }
    },
  }
}

/** Everything but the runtime's own refusals is a matter of configuration, or of the API that it is read from. */
function toStartError(error: unknown): StartError {
  if (error instanceof StartError) return error
  return new StartError("CreateContainerConfigError", errorMessage(error))
}

function expandSubPath(expression: string, environment: Readonly<Record<string, string>>): string {
  const lookup = lookupIn(environment)
  return expand(expression, (name) => {
    const value = lookup(name)
    if (value === undefined) {
      throw new ContainerConfigError(
        `failed to expand subPath for volumeMount: missing value for ${JSON.stringify(name)}`,
      )
    }
    return value
  })
}
