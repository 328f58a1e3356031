import {
  type corev1,
  isReachableFrom,
  noProvisioner,
  storageClassOf,
  type storagev1,
  volumeAnnotations,
  volumeForClaim,
} from "@ladya/api"
import { compareQuantities, compileLabelSelector } from "@ladya/apimachinery"
import type { StorageView } from "../../storage/view.ts"

type Claim = corev1.PersistentVolumeClaim
type Volume = corev1.PersistentVolume

/** What has to be done for the claims of a pod when it goes to one node. */
export interface Choices {
  /** Claims that take a volume which is there. */
  readonly matches: readonly { readonly claim: Claim; readonly volume: Volume }[]
  /** Claims for which a volume is made. */
  readonly provisions: readonly Claim[]
}

export const reasons = {
  bindConflict: "node(s) didn't find available persistent volumes to bind",
  nodeConflict: "node(s) had volume node affinity conflict",
  notEnoughSpace: "node(s) did not have enough free storage",
  volumeMissing: "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
} as const

/** Why bound claims keep a pod from a node; undefined when they do not. */
export function boundRefusal(claims: readonly Claim[], node: corev1.Node, storage: StorageView): string | undefined {
  for (const claim of claims) {
    const volume = storage.volume(claim.spec?.volumeName ?? "")
    if (!volume) return reasons.volumeMissing
    if (!isReachableFrom(volume, node)) return reasons.nodeConflict
  }
  return undefined
}

const claimKey = ({ metadata }: Claim): string => `${metadata.namespace}/${metadata.name}`

/** Decisions that the API does not show yet: volumes taken, and claims that were given a node. */
export class Assumptions {
  readonly #takenBy = new Map<string, string>()
  readonly #nodeOf = new Map<string, string>()

  assume(choices: Choices, node: string): void {
    for (const { claim, volume } of choices.matches) this.#takenBy.set(volume.metadata.name ?? "", claimKey(claim))
    for (const claim of choices.provisions) this.#nodeOf.set(claimKey(claim), node)
  }

  forget(choices: Choices): void {
    for (const { volume } of choices.matches) this.#takenBy.delete(volume.metadata.name ?? "")
    for (const claim of choices.provisions) this.#nodeOf.delete(claimKey(claim))
  }

  /** Volumes that others have been promised. */
  takenFrom(claim: Claim): Set<string> {
    const own = claimKey(claim)
    return new Set([...this.#takenBy].filter(([, holder]) => holder !== own).map(([name]) => name))
  }

  nodeOf(claim: Claim): string | undefined {
    return this.#nodeOf.get(claimKey(claim))
  }
}

/** A volume for each unbound claim, made or taken; or why there is none. */
export function choose(
  claims: readonly Claim[],
  node: corev1.Node,
  storage: StorageView,
  assumptions: Assumptions,
): Choices | { readonly refusal: string } {
  const matches: { claim: Claim; volume: Volume }[] = []
  const provisions: Claim[] = []
  // The smallest wish first: it leaves the large volumes to those who need them.
  const size = (claim: Claim): string => claim.spec?.resources?.requests?.["storage"] ?? "0"
  for (const claim of claims.toSorted((a, b) => compareQuantities(size(a), size(b)))) {
    const selected = claim.metadata.annotations?.[volumeAnnotations.selectedNode] ?? assumptions.nodeOf(claim)
    if (selected !== undefined) {
      if (selected !== node.metadata.name) return { refusal: reasons.bindConflict }
      provisions.push(claim)
      continue
    }
    const except = assumptions.takenFrom(claim)
    for (const { volume } of matches) except.add(volume.metadata.name ?? "")
    const volume = volumeForClaim(storage.volumes(), claim, { node, except })
    if (volume) {
      matches.push({ claim, volume })
      continue
    }
    const refusal = provisionRefusal(claim, node, storage)
    if (refusal !== undefined) return { refusal }
    provisions.push(claim)
  }
  return { matches, provisions }
}

function provisionRefusal(claim: Claim, node: corev1.Node, storage: StorageView): string | undefined {
  const storageClass = storage.storageClass(storageClassOf(claim))
  if (!storageClass || storageClass.provisioner === noProvisioner) return reasons.bindConflict
  if (!isAllowedTopology(storageClass, node)) return reasons.bindConflict
  return hasSpace(claim, storageClass, node, storage) ? undefined : reasons.notEnoughSpace
}

function isAllowedTopology({ allowedTopologies }: storagev1.StorageClass, node: corev1.Node): boolean {
  if (!allowedTopologies?.length) return true
  const labels = node.metadata.labels ?? {}
  return allowedTopologies.some(({ matchLabelExpressions }) =>
    (matchLabelExpressions ?? []).every(({ key, values }) => values.includes(labels[key] ?? "")),
  )
}

/** Drivers that publish capacities (KEP-1472) are asked; others have room until they say that they have none. */
function hasSpace(
  claim: Claim,
  { metadata, provisioner }: storagev1.StorageClass,
  node: corev1.Node,
  storage: StorageView,
): boolean {
  if (!storage.driver(provisioner)?.spec?.storageCapacity) return true
  const wanted = claim.spec?.resources?.requests?.["storage"] ?? "0"
  for (const { storageClassName, capacity, maximumVolumeSize, nodeTopology } of storage.capacities()) {
    if (storageClassName !== metadata.name) continue
    const most = maximumVolumeSize ?? capacity
    if (most === undefined || compareQuantities(most, wanted) < 0) continue
    if (nodeTopology && compileLabelSelector(nodeTopology).matches(node.metadata.labels ?? {})) return true
  }
  return false
}
