import type { appsv1, corev1 } from "@ladya/api"
import { semanticEqual } from "@ladya/apimachinery"
import { desiredReplicasKey, maxReplicasKey } from "./sizes.ts"

type Deployment = appsv1.Deployment
type ReplicaSet = appsv1.ReplicaSet

export const templateHashLabel = "pod-template-hash"
export const revisionKey = "deployment.kubernetes.io/revision"
const historyKey = "deployment.kubernetes.io/revision-history"
/** A history longer than this loses its oldest revisions. */
const maxHistoryLength = 2000

/** Annotations of a Deployment that its ReplicaSets do not inherit. */
const notInherited = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionKey,
  historyKey,
  desiredReplicasKey,
  maxReplicasKey,
  "deprecated.deployment.rollback.to",
])

/** Revisions are 64 bits wide: more than a number holds. */
function parseRevision(text: string | undefined): bigint {
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : 0n
}

export function revisionOf(object: ReplicaSet): bigint {
  return parseRevision(object.metadata.annotations?.[revisionKey])
}

/** The oldest revision first. */
export function byRevision(a: ReplicaSet, b: ReplicaSet): number {
  return Number(revisionOf(a) - revisionOf(b))
}

export function maxRevision(replicaSets: readonly ReplicaSet[]): bigint {
  return replicaSets.map(revisionOf).reduce((max, one) => (one > max ? one : max), 0n)
}

/** Oldest first; those of one second by name. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const left = a.metadata.creationTimestamp ?? ""
  const right = b.metadata.creationTimestamp ?? ""
  if (left !== right) return left < right ? -1 : 1
  return (a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1
}

/** Whether two templates are the same but for the hash that tells ReplicaSets apart. */
export function sameTemplate(a: corev1.PodTemplateSpec | undefined, b: corev1.PodTemplateSpec | undefined): boolean {
  return semanticEqual(withoutHash(a), withoutHash(b))
}

function withoutHash(template: corev1.PodTemplateSpec | undefined): unknown {
  if (!template) return undefined
  const { creationTimestamp: _, ...metadata } = template.metadata ?? {}
  const labels = Object.fromEntries(
    Object.entries(metadata.labels ?? {}).filter(([name]) => name !== templateHashLabel),
  )
  return { spec: template.spec, metadata: { ...metadata, labels } }
}

/** The ReplicaSet with the Deployment's template: the oldest, should there be several. */
export function findNewReplicaSet(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return replicaSets
    .toSorted(byAge)
    .find((candidate) => sameTemplate(candidate.spec?.template, deployment.spec?.template))
}

export type Annotations = Readonly<Record<string, string>>

/** The annotations of the new ReplicaSet: the Deployment's, with a revision that is at least `revision`. */
export function newReplicaSetAnnotations(
  deployment: Deployment,
  current: Annotations | undefined,
  revision: bigint,
): Record<string, string> {
  const next: Record<string, string> = { ...current }
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!notInherited.has(name)) next[name] = value
  }
  const before = current?.[revisionKey]
  if (parseRevision(before) >= revision) return next
  next[revisionKey] = String(revision)
  if (before) next[historyKey] = withHistory(current?.[historyKey], before)
  return next
}

function withHistory(history: string | undefined, revision: string): string {
  const revisions = history ? history.split(",") : []
  revisions.push(revision)
  while (revisions.length > 1 && revisions.join(",").length > maxHistoryLength) revisions.shift()
  return revisions.join(",")
}
