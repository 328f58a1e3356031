import { type corev1, refs, storageClassOf, volumeAnnotations } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { sleep } from "@ladya/util"
import { type CycleState, stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unresolvable, type Verdict } from "../../framework/verdict.ts"
import { claimsOfPod, hasClaims, isFullyBound } from "../../storage/pod-claims.ts"
import { Assumptions, boundRefusal, type Choices, choose } from "./choices.ts"

type Claim = corev1.PersistentVolumeClaim

interface ClaimsOfCycle {
  readonly bound: readonly Claim[]
  readonly toBind: readonly Claim[]
  /** By node: what Filter found, for Reserve. */
  readonly choices: Map<string, Choices>
}

const key = stateKey<ClaimsOfCycle>("VolumeBinding")
const defaultBindTimeoutMs = 600_000
const pollMs = 100

const interest = (
  resource: "PersistentVolumeClaim" | "PersistentVolume" | "StorageClass" | "CSINode" | "CSIStorageCapacity",
) => ({
  resource,
  actions: ["Add", "Update"] as const,
})

/** Places pods where their volumes are or can be made, and has the volumes bound before the pod is. */
export function newVolumeBinding({ client, clock, storage, args }: PluginHandle): Plugin {
  const seconds = args("VolumeBinding")["bindTimeoutSeconds"]
  const bindTimeoutMs = typeof seconds === "number" ? seconds * 1000 : defaultBindTimeoutMs
  const assumptions = new Assumptions()

  const sort = (pod: corev1.Pod): ClaimsOfCycle | { verdict: Verdict } => {
    const bound: Claim[] = []
    const toBind: Claim[] = []
    for (const { volume, name, claim } of claimsOfPod(pod, storage)) {
      if (!claim) {
        return {
          verdict: unresolvable(
            volume.ephemeral
              ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
              : `persistentvolumeclaim "${name}" not found`,
          ),
        }
      }
      const owned = claim.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === pod.metadata.uid)
      if (volume.ephemeral && !owned) {
        const { namespace } = pod.metadata
        const text = `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`
        return { verdict: unresolvable(text) }
      }
      if (claim.metadata.deletionTimestamp) {
        return { verdict: unresolvable(`persistentvolumeclaim "${name}" is being deleted`) }
      }
      if (claim.status?.phase === "Lost") {
        const text = `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName}"`
        return { verdict: unresolvable(text) }
      }
      if (isFullyBound(claim)) bound.push(claim)
      else if (storage.storageClass(storageClassOf(claim))?.volumeBindingMode === "WaitForFirstConsumer")
        toBind.push(claim)
      else return { verdict: unresolvable("pod has unbound immediate PersistentVolumeClaims") }
    }
    return { bound, toBind, choices: new Map() }
  }

  return {
    name: "VolumeBinding",
    interests: [
      interest("PersistentVolumeClaim"),
      interest("PersistentVolume"),
      interest("StorageClass"),
      interest("CSIStorageCapacity"),
      { resource: "Node", actions: ["Add", "UpdateLabels", "UpdateTaints"] },
    ],
    preFilter(state, { pod }) {
      if (!hasClaims(pod)) return { verdict: skip }
      const sorted = sort(pod)
      if ("verdict" in sorted) return sorted
      state.set(key, sorted)
      return { verdict: ok }
    },
    filter(state, _pod, { node, name }) {
      const claims = state.get(key)
      if (!claims) return ok
      const refusal = boundRefusal(claims.bound, node, storage)
      if (refusal !== undefined) return unresolvable(refusal)
      if (claims.toBind.length === 0) return ok
      const choices = choose(claims.toBind, node, storage, assumptions)
      if ("refusal" in choices) return unresolvable(choices.refusal)
      claims.choices.set(name, choices)
      return ok
    },
    reserve(state, _pod, node) {
      const choices = choicesOf(state, node)
      if (choices) assumptions.assume(choices, node)
      return ok
    },
    unreserve(state, _pod, node) {
      const choices = choicesOf(state, node)
      if (choices) assumptions.forget(choices)
    },
    async preBind(state, { pod }, node, signal) {
      const choices = choicesOf(state, node)
      if (!choices) return ok
      try {
        for (const { claim, volume } of choices.matches) await reserveVolume(volume, claim)
        for (const claim of choices.provisions) await selectNode(claim, node)
        return await untilBound(pod, node, signal)
      } finally {
        // By now the API shows it, or it did not come about.
        assumptions.forget(choices)
      }
    },
  }

  function choicesOf(state: CycleState, node: string): Choices | undefined {
    return state.get(key)?.choices.get(node)
  }

  async function reserveVolume(volume: corev1.PersistentVolume, claim: Claim): Promise<void> {
    if (volume.spec?.claimRef?.uid === claim.metadata.uid) return
    const { namespace = "", name = "", uid = "", resourceVersion = "" } = claim.metadata
    const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion }
    const annotations = { ...volume.metadata.annotations, [volumeAnnotations.boundByController]: "yes" }
    await client
      .resource(refs.persistentvolumes)
      .update({ ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...volume.spec, claimRef } })
  }

  async function selectNode(claim: Claim, node: string): Promise<void> {
    if (claim.metadata.annotations?.[volumeAnnotations.selectedNode] === node) return
    const annotations = { ...claim.metadata.annotations, [volumeAnnotations.selectedNode]: node }
    await client
      .resource(refs.persistentvolumeclaims)
      .update({ ...claim, metadata: { ...claim.metadata, annotations } })
  }

  async function untilBound(pod: corev1.Pod, node: string, signal: AbortSignal): Promise<Verdict> {
    const end = clock.monotonic() + bindTimeoutMs
    for (;;) {
      const claims = claimsOfPod(pod, storage)
      if (claims.every(({ claim }) => claim && isFullyBound(claim) && claim.status?.phase === "Bound")) return ok
      const gone = claims.find(({ claim }) => !claim || claim.metadata.deletionTimestamp)
      if (gone)
        return unresolvable(`error getting PVC "${pod.metadata.namespace}/${gone.name}" while it was being bound`)
      const dropped = claims.find(({ claim }) => claim && isDropped(claim, node))
      if (dropped && (await isReallyDropped(dropped.name, pod, node))) {
        return unresolvable(`selectedNode annotation reset for PVC "${dropped.name}"`)
      }
      if (clock.monotonic() >= end) return unresolvable("timed out waiting for the volumes of the pod to be bound")
      await sleep(clock, pollMs, signal)
    }
  }

  /** The provisioner gave up on this node: another one is to be tried. */
  function isDropped(claim: Claim, node: string): boolean {
    if (isFullyBound(claim) || claim.spec?.volumeName) return false
    const storageClass = storage.storageClass(storageClassOf(claim))
    if (!claim.metadata.annotations?.[volumeAnnotations.provisioner] || !storageClass) return false
    return claim.metadata.annotations[volumeAnnotations.selectedNode] !== node
  }

  async function isReallyDropped(name: string, pod: corev1.Pod, node: string): Promise<boolean> {
    try {
      const namespace = pod.metadata.namespace ?? ""
      return isDropped(await client.resource(refs.persistentvolumeclaims).get(name, { namespace }), node)
    } catch (error) {
      return isStatus(error, "NotFound")
    }
  }
}
