import { type appsv1, type corev1, refs } from "@ladya/api"
import { controllerOf, isStatus, type KubeObject, newControllerRef, semanticEqual } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { shortHash } from "./hash.ts"

type ControllerRevision = appsv1.ControllerRevision
type Template = corev1.PodTemplateSpec

/** A new revision's name is taken by another template: the owner's collision count has to go up. */
export class RevisionCollision extends Error {
  override name = "RevisionCollision"
}

export interface HistoryInput {
  owner: KubeObject
  template: Template
  /** Those of the owner. */
  revisions: readonly ControllerRevision[]
  collisionCount: number
  /** The label of a revision that holds its hash. */
  hashLabel: string
}

export type HistoryPlan =
  | { kind: "none"; current: ControllerRevision }
  | { kind: "create"; current: ControllerRevision }
  /** An old template is wanted again: its revision becomes the newest. */
  | { kind: "renumber"; current: ControllerRevision }

/** Oldest first. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  return a.revision - b.revision || ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1)
}

/** What a revision keeps: a patch that brings the template back, as `kubectl rollout undo` applies it. */
export function revisionData(template: Template): Record<string, unknown> {
  return { spec: { template: { ...template, $patch: "replace" } } }
}

/** The template that a revision keeps. */
export function templateOf(revision: ControllerRevision): Template {
  const spec = revision.data?.["spec"] as { template?: Template & { $patch?: string } } | undefined
  const { $patch: _, ...template } = spec?.template ?? {}
  return template
}

export function planHistory({ owner, template, revisions, collisionCount, hashLabel }: HistoryInput): HistoryPlan {
  const sorted = revisions.toSorted(byRevision)
  const newest = sorted.at(-1)
  const data = revisionData(template)
  const same = sorted.findLast((revision) => semanticEqual(revision.data, data))
  if (same && same === newest) return { kind: "none", current: same }
  const number = (newest?.revision ?? 0) + 1
  if (same) return { kind: "renumber", current: { ...same, revision: number } }
  const hash = shortHash(template, collisionCount)
  const { namespace = "", name = "" } = owner.metadata
  return {
    kind: "create",
    current: {
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: {
        namespace,
        name: `${name}-${hash}`,
        labels: { ...template.metadata?.labels, [hashLabel]: hash },
        ownerReferences: [newControllerRef(owner)],
      },
      data,
      revision: number,
    },
  }
}

/** Writes what was planned; returns the revision of the wanted template. Throws RevisionCollision. */
export async function applyHistory(client: Client, plan: HistoryPlan): Promise<ControllerRevision> {
  const api = client.resource(refs.controllerrevisions)
  const { current } = plan
  if (plan.kind === "none") return current
  if (plan.kind === "renumber") return api.update(current)
  try {
    return await api.create(current)
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error
    const { namespace = "", name = "" } = current.metadata
    const taken = await api.get(name, { namespace })
    const isOurs = controllerOf(taken)?.uid === controllerOf(current)?.uid
    if (isOurs && semanticEqual(taken.data, current.data)) return taken
    throw new RevisionCollision(`the revision name ${name} is taken`)
  }
}

/** The oldest revisions beyond the limit that nothing uses. */
export function surplusRevisions(
  revisions: readonly ControllerRevision[],
  isUsed: (revision: ControllerRevision) => boolean,
  limit: number,
): ControllerRevision[] {
  const unused = revisions.filter((revision) => !isUsed(revision)).sort(byRevision)
  return unused.slice(0, Math.max(unused.length - limit, 0))
}

export async function deleteRevisions(client: Client, revisions: readonly ControllerRevision[]): Promise<void> {
  const api = client.resource(refs.controllerrevisions)
  for (const { metadata } of revisions) {
    await api.delete(metadata.name ?? "", { namespace: metadata.namespace ?? "" }).catch((error: unknown) => {
      if (!isStatus(error, "NotFound")) throw error
    })
  }
}
