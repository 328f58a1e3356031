import type { corev1 } from "@ladya/api"
import type { Clock, Random } from "@ladya/util"
import type { ProbeVerdicts } from "../pods/plan/plan.ts"
import { isHostNetwork, type Pod, type PodContainer, podContainers, podUid } from "../pods/pod.ts"
import { latestIn, type ObservedContainer, type ObservedPod, readySandbox } from "../runtime/observed.ts"
import type { ProbeRunner } from "./runner.ts"
import { type ProbeType, ProbeWorker } from "./worker.ts"

/** The probes of all containers of this node. */
export interface ProbeManager {
  /** Begins the probes of what runs, ends those of what does not. Cheap when nothing changed. */
  sync(pod: Pod, observed: ObservedPod): void
  /** The pod is being stopped: it may become unready, and is not restarted any more. */
  terminating(uid: string): void
  remove(uid: string): void
  verdicts(containerId: string): ProbeVerdicts | undefined
  /** Of a running container. */
  state(containerId: string): { started: boolean; ready: boolean }
  stop(): void
}

export interface ProbeManagerDeps {
  runner: ProbeRunner
  clock: Clock
  random: Random
  hostIp(): string
  /** A verdict changed. */
  changed(uid: string): void
  event(pod: Pod, container: PodContainer, type: "Normal" | "Warning", reason: string, message: string): void
}

interface Instance {
  uid: string
  pod: Pod
  container: PodContainer
  observed: ObservedContainer
  podIp: string
  startup: "none" | "unknown" | "success" | "failure"
  livenessFailed: boolean
  ready: boolean
  workers: Map<ProbeType, ProbeWorker>
  terminating: boolean
}

const probeOf = ({ spec }: PodContainer, type: ProbeType): corev1.Probe | undefined =>
  ({ startup: spec.startupProbe, liveness: spec.livenessProbe, readiness: spec.readinessProbe })[type]

const hasProbes = (container: PodContainer): boolean =>
  container.kind !== "ephemeral" && (container.kind === "main" || container.sidecar)

/** What the API was last told of this very instance: after a restart of the agent it is still true until probed. */
function before(pod: Pod, containerId: string): corev1.ContainerStatus | undefined {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
  return statuses.find(({ containerID }) => containerID?.endsWith(`//${containerId}`))
}

export function newProbeManager(deps: ProbeManagerDeps): ProbeManager {
  const { runner, clock, random } = deps
  const instances = new Map<string, Instance>()
  const byPod = new Map<string, Set<string>>()

  function begin(instance: Instance, type: ProbeType): void {
    const probe = probeOf(instance.container, type)
    if (!probe || instance.workers.has(type)) return
    const { observed } = instance
    const old = clock.now() - observed.startedAtMs > Math.max(10, probe.periodSeconds ?? 10) * 2000
    instance.workers.set(
      type,
      new ProbeWorker({
        type,
        probe,
        startedAtMs: observed.startedAtMs,
        ...(old && type !== "startup" && instance.startup === "none" ? { spread: random() } : {}),
        clock,
        attempt: (signal) =>
          runner.run(probe, {
            container: instance.container.spec,
            containerId: observed.id,
            podIp: instance.podIp,
            signal,
          }),
        decided: (healthy) => decide(instance, type, healthy),
        event: (eventType, reason, message) => deps.event(instance.pod, instance.container, eventType, reason, message),
      }),
    )
  }

  function decide(instance: Instance, type: ProbeType, healthy: boolean): void {
    if (type === "readiness") instance.ready = healthy
    else if (type === "liveness") instance.livenessFailed = !healthy
    else {
      instance.startup = healthy ? "success" : "failure"
      if (healthy) beginRest(instance)
    }
    deps.changed(instance.uid)
  }

  function beginRest(instance: Instance): void {
    if (!instance.terminating) begin(instance, "liveness")
    begin(instance, "readiness")
  }

  function add(pod: Pod, container: PodContainer, observed: ObservedContainer, podIp: string): void {
    const { startupProbe, readinessProbe } = container.spec
    const known = before(pod, observed.id)
    const started = startupProbe === undefined ? "none" : known?.started ? "success" : "unknown"
    const instance: Instance = {
      uid: podUid(pod),
      pod,
      container,
      observed,
      podIp,
      startup: started,
      livenessFailed: false,
      ready: readinessProbe === undefined || known?.ready === true,
      workers: new Map(),
      terminating: false,
    }
    instances.set(observed.id, instance)
    const ids = byPod.get(instance.uid) ?? new Set<string>()
    byPod.set(instance.uid, ids.add(observed.id))
    if (started === "unknown") begin(instance, "startup")
    else beginRest(instance)
  }

  function drop(id: string): void {
    const instance = instances.get(id)
    if (!instance) return
    for (const worker of instance.workers.values()) worker.stop()
    instances.delete(id)
    const ids = byPod.get(instance.uid)
    ids?.delete(id)
    if (ids?.size === 0) byPod.delete(instance.uid)
  }

  return {
    sync(pod, observed) {
      const uid = podUid(pod)
      const sandbox = readySandbox(observed)
      const podIp = isHostNetwork(pod) ? deps.hostIp() : (sandbox?.ips[0] ?? "")
      const alive = new Set<string>()
      if (sandbox) {
        for (const container of podContainers(pod)) {
          if (!hasProbes(container)) continue
          const current = latestIn(observed, sandbox.id, container.spec.name)
          if (current?.state !== "running") continue
          alive.add(current.id)
          const known = instances.get(current.id)
          if (known) known.pod = pod
          else add(pod, container, current, podIp)
        }
      }
      for (const id of byPod.get(uid) ?? []) if (!alive.has(id)) drop(id)
    },
    terminating(uid) {
      for (const id of byPod.get(uid) ?? []) {
        const instance = instances.get(id)
        if (!instance || instance.terminating) continue
        instance.terminating = true
        for (const type of ["startup", "liveness"] as const) instance.workers.get(type)?.stop()
      }
    },
    remove(uid) {
      for (const id of [...(byPod.get(uid) ?? [])]) drop(id)
    },
    verdicts(containerId) {
      const instance = instances.get(containerId)
      if (!instance) return undefined
      const { startup, livenessFailed } = instance
      return {
        ...(startup === "success" || startup === "failure" ? { startup } : {}),
        ...(livenessFailed ? { liveness: "failure" as const } : {}),
      }
    },
    state(containerId) {
      const instance = instances.get(containerId)
      if (!instance) return { started: false, ready: false }
      const started = instance.startup === "none" || instance.startup === "success"
      return { started, ready: started && instance.ready }
    },
    stop() {
      for (const id of [...instances.keys()]) drop(id)
    },
  }
}
