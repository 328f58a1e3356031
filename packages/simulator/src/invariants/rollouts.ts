import { type appsv1, isPodReady, podCondition } from "@ladya/api"
import { resolveIntOrPercent } from "@ladya/apimachinery"
import { type Invariant, isEnding, isToldToEnd, type Pod, type PodChange, podText, type World } from "./invariant.ts"

type Deployment = appsv1.Deployment

/** What a controller saw may be as old as this: a pod that was ready then counts. */
const lagMs = 3000

function deploymentOf(pod: Pod, world: World): Deployment | undefined {
  const namespace = pod.metadata.namespace ?? ""
  const set = pod.metadata.ownerReferences?.find(({ kind, controller }) => kind === "ReplicaSet" && controller)
  const owner = set && world.replicaSets.get({ namespace, name: set.name })?.metadata.ownerReferences?.[0]
  return owner && world.deployments.get({ namespace, name: owner.name })
}

const keyOf = ({ metadata }: Deployment): string => `${metadata.namespace}/${metadata.name}`

/** Remembers how many replicas were wanted lately: what the controller acts on may be a moment old. */
class WantedReplicas {
  readonly #seen = new Map<string, { atMs: number; replicas: number }[]>()

  around(deployment: Deployment, now: number): { least: number; most: number } {
    const replicas = deployment.spec?.replicas ?? 1
    const key = keyOf(deployment)
    const known = this.#seen.get(key) ?? []
    const last = known.at(-1)
    if (last?.replicas !== replicas) known.push({ atMs: now, replicas })
    while (known.length > 1 && (known[1]?.atMs ?? now) < now - 30_000) known.shift()
    this.#seen.set(key, known)
    const all = known.map((one) => one.replicas)
    return { least: Math.min(...all), most: Math.max(...all) }
  }
}

const podsOf = (deployment: Deployment, world: World): Pod[] =>
  world.pods
    .inNamespace(deployment.metadata.namespace ?? "")
    .filter((pod) => deploymentOf(pod, world)?.metadata.uid === deployment.metadata.uid)

/** A rolling update never has more pods than replicas and surge. */
export function newSurge(): Invariant {
  let checks = 0
  const wanted = new WantedReplicas()
  return {
    name: "a rolling update never goes above its surge",
    get checks() {
      return checks
    },
    onPod(change: PodChange, world: World) {
      const deployment = deploymentOf(change.pod, world)
      if (!deployment || deployment.spec?.strategy?.type === "Recreate") return undefined
      const { most } = wanted.around(deployment, world.clock.now())
      if (change.type !== "add") return undefined
      const surge = resolveIntOrPercent(deployment.spec?.strategy?.rollingUpdate?.maxSurge ?? "25%", most, {
        round: "up",
      })
      const failed = (pod: Pod): boolean => pod.status?.phase === "Failed"
      const count = podsOf(deployment, world).filter((pod) => !isEnding(pod) && !failed(pod)).length
      checks++
      if (count <= most + surge) return undefined
      return `${podText(change.pod)} makes ${count} pods of ${keyOf(deployment)}, where ${most} + ${surge} are allowed`
    },
  }
}

/** A controller never ends a ready pod when that leaves fewer than replicas less maxUnavailable. */
export function newAvailability(): Invariant {
  let checks = 0
  const wanted = new WantedReplicas()
  const lastReady = new Map<string, number>()
  return {
    name: "a rolling update never goes below its available pods",
    get checks() {
      return checks
    },
    onPod(change: PodChange, world: World) {
      const { pod } = change
      const now = world.clock.now()
      const uid = pod.metadata.uid ?? ""
      if (change.type === "delete") lastReady.delete(uid)
      else if (isPodReady(pod)) lastReady.set(uid, Number.POSITIVE_INFINITY)
      else if (lastReady.get(uid) === Number.POSITIVE_INFINITY) lastReady.set(uid, now)
      const deployment = deploymentOf(pod, world)
      if (!deployment) return undefined
      const { least } = wanted.around(deployment, now)
      if (deployment.spec?.strategy?.type === "Recreate") return undefined
      // Evictions and lost nodes are not the controller's doing.
      if (!isToldToEnd(change) || podCondition(pod, "DisruptionTarget")) return undefined
      if (change.type !== "update" || !isPodReady(change.previous)) return undefined
      const rolling = deployment.spec?.strategy?.rollingUpdate
      const unavailable = resolveIntOrPercent(rolling?.maxUnavailable ?? "25%", least, { round: "down" })
      const surge = resolveIntOrPercent(rolling?.maxSurge ?? "25%", least, { round: "up" })
      const mayMiss = unavailable === 0 && surge === 0 ? 1 : unavailable
      const available = podsOf(deployment, world).filter(
        (other) => !isEnding(other) && (lastReady.get(other.metadata.uid ?? "") ?? 0) >= now - lagMs,
      ).length
      checks++
      if (available >= least - mayMiss) return undefined
      return `ending ${podText(pod)} leaves ${available} available pods of ${keyOf(deployment)}, where ${least} - ${mayMiss} are wanted`
    },
  }
}
