import { fieldErrorText, type KubeObject } from "@ladya/apimachinery"
import { kindByGvk } from "../registry.ts"

/** What a server makes of a new object, and what it finds wrong: for tests. */
export function create(object: unknown): { object: KubeObject; errors: string[] } {
  const draft = structuredClone(object) as KubeObject
  const behaviour = behaviourOf(draft)
  behaviour.default?.(draft)
  behaviour.prepareForCreate?.(draft)
  return { object: draft, errors: (behaviour.validate?.(draft, undefined) ?? []).map(fieldErrorText) }
}

/** What a server makes of an update. */
export function update(previous: unknown, change: (draft: never) => void): { object: KubeObject; errors: string[] } {
  const stored = structuredClone(previous) as KubeObject
  const draft = structuredClone(stored)
  change(draft as never)
  const behaviour = behaviourOf(draft)
  behaviour.default?.(draft)
  behaviour.prepareForUpdate?.(draft, stored)
  return { object: draft, errors: (behaviour.validate?.(draft, stored) ?? []).map(fieldErrorText) }
}

/** The cells of a table row, by column name. */
export function cells(object: unknown, now = 0): Record<string, string | number> {
  const row = object as KubeObject
  const columns = behaviourOf(row).columns ?? []
  return Object.fromEntries(columns.map((column) => [column.name, column.cell(row, now)]))
}

function behaviourOf(object: KubeObject) {
  const slash = object.apiVersion.indexOf("/")
  const group = slash < 0 ? "" : object.apiVersion.slice(0, slash)
  const kind = kindByGvk({ group, version: object.apiVersion.slice(slash + 1), kind: object.kind })
  if (!kind) throw new Error(`no kind ${object.apiVersion} ${object.kind}`)
  return kind.behaviour
}
