import { mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { CriError, type PodSandboxConfig } from "@ladya/cri"
import { errorMessage } from "@ladya/util"
import { hostsFile, podHostname } from "../../runtime/hostname.ts"
import type { ObservedPod, ObservedSandbox } from "../../runtime/observed.ts"
import { sandboxConfig } from "../../runtime/sandbox-config.ts"
import { isHostNetwork, type Pod, podUid } from "../pod.ts"
import type { WorkerDeps } from "./worker-deps.ts"

/** The configuration of a pod's sandbox; the same for the same attempt, also after a restart of the agent. */
export function configOf(deps: WorkerDeps, pod: Pod, attempt: number): PodSandboxConfig {
  return sandboxConfig({
    pod,
    attempt,
    logDirectory: deps.directories.logs(pod),
    cgroupParent: deps.cgroups.pathOf(pod),
    seccompDirectory: deps.directories.seccomp,
    resolver: deps.resolver(),
  })
}

/** Stops every sandbox of a pod: the network goes, and what may still run in them. */
export async function stopSandboxes(deps: WorkerDeps, observed: ObservedPod): Promise<void> {
  await Promise.all(observed.sandboxes.map(({ id }) => deps.runtime.stopPodSandbox(id)))
}

/** Runs a new sandbox; tells of a failure as an event. */
export async function runSandbox(deps: WorkerDeps, pod: Pod, attempt: number, signal: AbortSignal): Promise<void> {
  try {
    const runtimeHandler = await deps.runtimeHandler(pod)
    const config = configOf(deps, pod, attempt)
    await deps.gate.run(() => deps.runtime.runPodSandbox(config, { runtimeHandler }), signal)
  } catch (error) {
    signal.throwIfAborted()
    const text = error instanceof CriError ? error.rpcText : errorMessage(error)
    deps.events.pod(pod, "Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${text}`)
    throw error
  } finally {
    deps.cache.mark(podUid(pod))
  }
}

/** Writes the pod's own /etc/hosts, when it differs from what is there: running containers see the same file. */
export async function writeHosts(deps: WorkerDeps, pod: Pod, sandbox: ObservedSandbox): Promise<void> {
  const file = deps.directories.hostsFile(podUid(pod))
  const text = hostsFile({
    hostname: podHostname(pod, deps.resolver().clusterDomain),
    podIps: sandbox.ips,
    hostAliases: pod.spec?.hostAliases ?? [],
    ...(isHostNetwork(pod) ? { nodeHosts: await deps.nodeHosts() } : {}),
  })
  if ((await readFile(file, "utf8").catch(() => undefined)) === text) return
  await mkdir(dirname(file), { recursive: true, mode: 0o750 })
  await writeFile(file, text, { mode: 0o644 })
}
