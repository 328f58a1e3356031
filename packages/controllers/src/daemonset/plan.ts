import { type appsv1, compact, type corev1, isPodAvailable, isPodReady } from "@ladya/api"
import { resolveIntOrPercent } from "@ladya/apimachinery"
import { count } from "../shared/status.ts"
import { hashLabel, nodeNameOf, placementOn } from "./placement.ts"

type DaemonSet = appsv1.DaemonSet
type Pod = corev1.Pod

export interface DaemonInput {
  daemonSet: DaemonSet
  nodes: readonly corev1.Node[]
  /** Its pods. */
  pods: readonly Pod[]
  /** The hash of the wanted template. */
  hash: string
  now: number
}

export interface DaemonPlan {
  /** Names of the nodes that get a pod. */
  create: string[]
  remove: Pod[]
  /** Pods that have failed: they are removed, but with a back-off by node. */
  failed: { pod: Pod; nodeName: string }[]
  /** Pods that have ended well, which a service pod should not. */
  succeeded: Pod[]
}

const isAlive = (pod: Pod): boolean => pod.metadata.deletionTimestamp === undefined

function byAge(a: Pod, b: Pod): number {
  const left = a.metadata.creationTimestamp ?? ""
  const right = b.metadata.creationTimestamp ?? ""
  if (left !== right) return left < right ? -1 : 1
  return (a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1
}

function podsByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const found = new Map<string, Pod[]>()
  for (const pod of pods) {
    const name = nodeNameOf(pod)
    if (name === undefined) continue
    const list = found.get(name)
    if (list) list.push(pod)
    else found.set(name, [pod])
  }
  return found
}

interface Limits {
  surge: number
  unavailable: number
}

/** How many nodes may have a second pod, or none, during an update. Never both 0. */
function limitsOf(daemonSet: DaemonSet, desired: number): Limits {
  const { maxSurge = 0, maxUnavailable = 1 } = daemonSet.spec?.updateStrategy?.rollingUpdate ?? {}
  const surge = resolveIntOrPercent(maxSurge, desired, { round: "up" })
  const unavailable = resolveIntOrPercent(maxUnavailable, desired, { round: "up" })
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable }
}

function isRollingUpdate(daemonSet: DaemonSet): boolean {
  return (daemonSet.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate"
}

/** One pod on every node that should have one, and none elsewhere. */
export function planPlacement({ daemonSet, nodes, pods, hash, now }: DaemonInput): DaemonPlan {
  const plan: DaemonPlan = { create: [], remove: [], failed: [], succeeded: [] }
  const byNode = podsByNode(pods)
  const { maxSurge = 0 } = daemonSet.spec?.updateStrategy?.rollingUpdate ?? {}
  const allowsSurge = isRollingUpdate(daemonSet) && maxSurge !== 0 && maxSurge !== "0%"
  const minReady = daemonSet.spec?.minReadySeconds ?? 0
  for (const node of nodes) {
    const name = node.metadata.name ?? ""
    const here = byNode.get(name) ?? []
    const { wanted, mayStay } = placementOn(daemonSet, node)
    if (wanted && here.length === 0) plan.create.push(name)
    else if (mayStay) tidy(plan, here, name, { allowsSurge, hash, minReady, now })
    else plan.remove.push(...here.filter(isAlive))
  }
  const known = new Set(nodes.map((node) => node.metadata.name))
  for (const [name, here] of byNode) {
    // Pods that were bound to a node that is gone are the pod garbage collector's.
    if (!known.has(name)) plan.remove.push(...here.filter((pod) => isAlive(pod) && !pod.spec?.nodeName))
  }
  return plan
}

/** Ended pods make room; of several that run, the oldest stays (one of each template while an update surges). */
function tidy(
  plan: DaemonPlan,
  here: readonly Pod[],
  nodeName: string,
  options: { allowsSurge: boolean; hash: string; minReady: number; now: number },
): void {
  const running: Pod[] = []
  for (const pod of here.filter(isAlive)) {
    if (pod.status?.phase === "Failed") plan.failed.push({ pod, nodeName })
    else if (pod.status?.phase === "Succeeded") plan.succeeded.push(pod)
    else running.push(pod)
  }
  running.sort(byAge)
  if (!options.allowsSurge) {
    plan.remove.push(...running.slice(1))
    return
  }
  const isNew = (pod: Pod): boolean => pod.metadata.labels?.[hashLabel] === options.hash
  const newest = running.find(isNew)
  const oldest = running.find((pod) => !isNew(pod))
  plan.remove.push(...running.filter((pod) => pod !== newest && pod !== oldest))
  if (!newest || !oldest) return
  if (!isPodReady(oldest) || isPodAvailable(newest, options.minReady, options.now)) plan.remove.push(oldest)
}

/** The next step of a rolling update: old pods that go, or nodes that get a new pod beside the old one. */
export function planUpdate(input: DaemonInput): { create: string[]; remove: Pod[] } {
  const { daemonSet, nodes, pods, hash, now } = input
  if (!isRollingUpdate(daemonSet)) return { create: [], remove: [] }
  const minReady = daemonSet.spec?.minReadySeconds ?? 0
  const byNode = podsByNode(pods)
  const wanted = nodes.filter((node) => placementOn(daemonSet, node).wanted)
  const limits = limitsOf(daemonSet, wanted.length)
  const at = { create: [] as string[], remove: [] as Pod[] }
  const candidates: { node: string; pod: Pod }[] = []
  let unavailable = 0
  let surging = 0
  for (const node of wanted) {
    const name = node.metadata.name ?? ""
    const found = newAndOld(byNode.get(name) ?? [], hash)
    if (!found) {
      // Being sorted out: counts as disturbed.
      unavailable++
      surging++
      continue
    }
    const { fresh, old } = found
    if (limits.surge > 0) {
      if (fresh && old && !isPodAvailable(fresh, minReady, now)) surging++
      if (!fresh && old) {
        if (isPodAvailable(old, minReady, now)) candidates.push({ node: name, pod: old })
        else at.create.push(name)
      }
      continue
    }
    if (Boolean(fresh) === Boolean(old)) unavailable++
    else if (fresh && !isPodAvailable(fresh, minReady, now)) unavailable++
    else if (old && !isPodAvailable(old, minReady, now)) {
      // It serves nobody: replacing it costs nothing.
      unavailable++
      at.remove.push(old)
    } else if (old) candidates.push({ node: name, pod: old })
  }
  if (limits.surge > 0) {
    const room = Math.max(limits.surge - surging, 0)
    at.create.push(...candidates.slice(0, room).map(({ node }) => node))
  } else {
    const room = Math.max(limits.unavailable - unavailable, 0)
    at.remove.push(...candidates.slice(0, room).map(({ pod }) => pod))
  }
  return at
}

/** The pod of the wanted template on a node and the one of another; undefined when there are several of one sort. */
function newAndOld(here: readonly Pod[], hash: string): { fresh: Pod | undefined; old: Pod | undefined } | undefined {
  let fresh: Pod | undefined
  let old: Pod | undefined
  for (const pod of here.filter(isAlive)) {
    if (pod.metadata.labels?.[hashLabel] === hash) {
      if (fresh) return undefined
      fresh = pod
    } else {
      if (old) return undefined
      old = pod
    }
  }
  return { fresh, old }
}

export function daemonStatus(input: DaemonInput, collisionCount: number | undefined): appsv1.DaemonSetStatus {
  const { daemonSet, nodes, pods, hash, now } = input
  const minReady = daemonSet.spec?.minReadySeconds ?? 0
  const byNode = podsByNode(pods)
  const sums = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 }
  for (const node of nodes) {
    const here = byNode.get(node.metadata.name ?? "") ?? []
    const { wanted } = placementOn(daemonSet, node)
    if (!wanted) {
      if (here.length > 0) sums.misscheduled++
      continue
    }
    sums.desired++
    const [pod] = here.toSorted(byAge)
    if (!pod) continue
    sums.current++
    // During a surge a node is served when either of its pods serves.
    if (here.some(isPodReady)) sums.ready++
    if (here.some((one) => isPodAvailable(one, minReady, now))) sums.available++
    if (here.some((one) => isAlive(one) && one.metadata.labels?.[hashLabel] === hash)) sums.updated++
  }
  return compact({
    currentNumberScheduled: sums.current,
    desiredNumberScheduled: sums.desired,
    numberMisscheduled: sums.misscheduled,
    numberReady: sums.ready,
    observedGeneration: daemonSet.metadata.generation,
    updatedNumberScheduled: count(sums.updated),
    numberAvailable: count(sums.available),
    numberUnavailable: count(sums.desired - sums.available),
    collisionCount,
    conditions: daemonSet.status?.conditions,
  })
}
