import { type KubeObject, semanticEqual } from "@ladya/apimachinery"

type Parts = Record<string, unknown>

/** Takes a top-level field from the stored object, absence included. */
export function keepField(draft: KubeObject, previous: KubeObject, field: string): void {
  const value = (previous as unknown as Parts)[field]
  if (value === undefined) delete (draft as unknown as Parts)[field]
  else (draft as unknown as Parts)[field] = value
}

/** Generation 1 for a new object. */
export function startGeneration(draft: KubeObject): void {
  draft.metadata.generation = 1
}

/** The generation goes up by one when any of these fields differs. Clients cannot set it. */
export function bumpGeneration(draft: KubeObject, previous: KubeObject, fields: readonly string[] = ["spec"]): void {
  const changed = fields.some(
    (field) => !semanticEqual((draft as unknown as Parts)[field], (previous as unknown as Parts)[field]),
  )
  const generation = previous.metadata.generation ?? 0
  const next = changed ? generation + 1 : previous.metadata.generation
  if (next === undefined) delete draft.metadata.generation
  else draft.metadata.generation = next
}

/** The strategy of a kind without status: its generation counts the changes of these fields. */
export function generationStrategy(fields: readonly string[] = ["spec"]) {
  return {
    prepareForCreate: startGeneration,
    prepareForUpdate: (draft: KubeObject, previous: KubeObject): void => bumpGeneration(draft, previous, fields),
  }
}

/** The usual strategy of a kind with spec and status: the status is nobody's but the status subresource's. */
export function specStatusStrategy(options: { generation: boolean } = { generation: true }) {
  return {
    prepareForCreate(draft: KubeObject): void {
      delete (draft as unknown as Parts)["status"]
      if (options.generation) startGeneration(draft)
      else delete draft.metadata.generation
    },
    prepareForUpdate(draft: KubeObject, previous: KubeObject): void {
      keepField(draft, previous, "status")
      if (options.generation) bumpGeneration(draft, previous)
    },
    prepareForStatusUpdate(draft: KubeObject, previous: KubeObject): void {
      keepField(draft, previous, "spec")
      keepSystemMetadata(draft, previous)
    },
  }
}

/** What a status update may not change of the metadata besides what the server guards anyway. */
export function keepSystemMetadata(draft: KubeObject, previous: KubeObject): void {
  if (previous.metadata.generation === undefined) delete draft.metadata.generation
  else draft.metadata.generation = previous.metadata.generation
}

/** A short account of what differs: one line per path, at most `limit`. */
export function differences(next: unknown, previous: unknown, path: string, limit = 10): string[] {
  const lines: string[] = []
  const walk = (a: unknown, b: unknown, at: string): void => {
    if (lines.length >= limit || semanticEqual(a, b)) return
    if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        const step = Array.isArray(a) ? `${at}[${key}]` : `${at}.${key}`
        walk((a as Parts)[key], (b as Parts)[key], step)
      }
      return
    }
    lines.push(`${at}: ${JSON.stringify(b)} -> ${JSON.stringify(a)}`)
  }
  walk(next, previous, path)
  return lines
}
