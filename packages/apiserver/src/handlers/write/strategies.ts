import type { KindDefinition } from "@ladya/api"
import { deepCopy, type FieldError, type KubeObject, semanticEqual } from "@ladya/apimachinery"
import type { UserInfo } from "../../authentication/authenticator.ts"

/** What one subresource (or the main resource) lets an update change, in the stored version. */
export interface UpdateStrategy {
  /** Takes back what this way of updating may not change. */
  prepare(draft: KubeObject, previous: KubeObject): void
  validate(next: KubeObject, previous: KubeObject): FieldError[]
  /** Whether the object goes away when the update left nothing that holds its deletion up. */
  isGone?(next: KubeObject): boolean
  mayCreate?: boolean
}

/** Deletion has begun and nothing holds it up any more. */
export function isReadyToGo(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata
  if (!deletionTimestamp || (finalizers?.length ?? 0) > 0) return false
  return (deletionGracePeriodSeconds ?? 0) === 0
}

type Fields = KubeObject & { spec?: Record<string, unknown>; status?: unknown }

/** Namespaces are held up by finalizers of their own. */
function isNamespaceReady(object: KubeObject): boolean {
  const finalizers = (object as Fields).spec?.["finalizers"] as unknown[] | undefined
  return isReadyToGo(object) && (finalizers?.length ?? 0) === 0
}

const isNamespace = (kind: KindDefinition): boolean => kind.group === "" && kind.resource === "namespaces"

/** Whether an update that leaves the object like this ends it. */
export function goneTest(kind: KindDefinition): (object: KubeObject) => boolean {
  return isNamespace(kind) ? isNamespaceReady : isReadyToGo
}

const hasStatus = (kind: KindDefinition): boolean => kind.subresources.some((entry) => entry.name === "status")

/** A new object of a kind without rules of its own has no status yet, and is in its first generation. */
export function prepareNew(kind: KindDefinition, draft: KubeObject, by: UserInfo): void {
  const { prepareForCreate, prepareForUpdate } = kind.behaviour
  if (prepareForCreate) prepareForCreate(draft, by)
  else if (!prepareForUpdate && hasStatus(kind)) {
    delete (draft as Fields).status
    draft.metadata.generation = 1
  }
}

// As the rules of most kinds are: the status stays, a changed spec is a new generation.
function keepStatus(draft: KubeObject, previous: KubeObject): void {
  const { status } = previous as Fields
  if (status === undefined) delete (draft as Fields).status
  else (draft as Fields).status = status
  if (semanticEqual((draft as Fields).spec, (previous as Fields).spec)) return
  draft.metadata.generation = (previous.metadata.generation ?? 0) + 1
}

const main = (kind: KindDefinition): UpdateStrategy => ({
  prepare(draft, previous) {
    if (kind.behaviour.prepareForUpdate) kind.behaviour.prepareForUpdate(draft, previous)
    else if (hasStatus(kind)) keepStatus(draft, previous)
  },
  validate(next, previous) {
    return kind.behaviour.validate?.(next, previous) ?? []
  },
  isGone: goneTest(kind),
  mayCreate: true,
})

/** Takes everything from `previous` but the fields named. */
function keepAllBut(draft: KubeObject, previous: KubeObject, field: "spec" | "status"): void {
  const target = draft as unknown as Record<string, unknown>
  const source = previous as unknown as Record<string, unknown>
  for (const name of new Set([...Object.keys(target), ...Object.keys(source)])) {
    if (name === field || name === "metadata" || name === "kind" || name === "apiVersion") continue
    if (source[name] === undefined) delete target[name]
    else target[name] = source[name]
  }
}

const status = (kind: KindDefinition): UpdateStrategy => ({
  prepare(draft, previous) {
    if (kind.behaviour.prepareForStatusUpdate) kind.behaviour.prepareForStatusUpdate(draft, previous)
    else keepAllBut(draft, previous, "status")
  },
  validate: (next, previous) => kind.behaviour.validateStatus?.(next, previous) ?? [],
  isGone: goneTest(kind),
})

/** Only one field of the spec may change. */
const specField = (kind: KindDefinition, field: string): UpdateStrategy => ({
  prepare(draft, previous) {
    const wanted = (draft as Fields).spec?.[field]
    const metadata = { ...deepCopy(previous.metadata) }
    Object.assign(draft, deepCopy(previous), { metadata })
    const spec = (draft as Fields).spec ?? {}
    if (wanted === undefined) delete spec[field]
    else spec[field] = wanted
    ;(draft as Fields).spec = spec
  },
  validate: (next, previous) => kind.behaviour.validate?.(next, previous) ?? [],
  isGone: goneTest(kind),
})

/** Only conditions and certificate of a CertificateSigningRequest's approval may change. */
const approval = (kind: KindDefinition): UpdateStrategy => ({
  prepare(draft, previous) {
    keepAllBut(draft, previous, "status")
    const wanted = (draft as Fields).status as { conditions?: unknown } | undefined
    const old = (previous as Fields).status as Record<string, unknown> | undefined
    ;(draft as Fields).status = { ...old, ...(wanted?.conditions ? { conditions: wanted.conditions } : {}) }
  },
  validate: (next, previous) => kind.behaviour.validateStatus?.(next, previous) ?? [],
})

const makers: Readonly<Record<string, (kind: KindDefinition) => UpdateStrategy>> = {
  "": main,
  status,
  finalize: (kind) => specField(kind, "finalizers"),
  ephemeralcontainers: (kind) => specField(kind, "ephemeralContainers"),
  resize: (kind) => specField(kind, "containers"),
  approval,
}

/** A kind that says itself what one of its subresources may change. */
function ownStrategy(kind: KindDefinition, subresource: string): UpdateStrategy | undefined {
  const own = kind.behaviour.subresourceUpdates?.[subresource]
  if (!own) return undefined
  return {
    prepare: (draft, previous) => own.prepare(draft, previous),
    validate: (next, previous) => own.validate?.(next, previous) ?? [],
    isGone: goneTest(kind),
  }
}

const known = new WeakMap<KindDefinition, Map<string, UpdateStrategy>>()

/** How this subresource of this (stored) kind is updated; undefined when it is not a view of the object. */
export function strategyOf(kind: KindDefinition, subresource: string): UpdateStrategy | undefined {
  let strategies = known.get(kind)
  if (!strategies) {
    strategies = new Map()
    known.set(kind, strategies)
  }
  let strategy = strategies.get(subresource)
  if (!strategy) {
    const make = Object.hasOwn(makers, subresource) ? makers[subresource] : undefined
    strategy = ownStrategy(kind, subresource) ?? make?.(kind)
    if (!strategy) return undefined
    strategies.set(subresource, strategy)
  }
  return strategy
}
