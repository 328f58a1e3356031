import type { KubeObject } from "@ladya/apimachinery"
import type { Column } from "../kind.ts"
import { ageOf } from "./duration.ts"

type Cell<T> = (object: T, now: number) => string | number

/** A column of text. */
export function text<T extends KubeObject>(name: string, cell: Cell<T>): Column<T> {
  return { name, type: "string", cell }
}

/** A column of whole numbers. */
export function integer<T extends KubeObject>(name: string, cell: Cell<T>): Column<T> {
  return { name, type: "integer", cell }
}

/** The same column, shown by `-o wide` only. */
export function wide<T extends KubeObject>(column: Column<T>): Column<T> {
  return { ...column, priority: 1 }
}

/** The first column of nearly every table. */
export const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  cell: (object) => object.metadata.name ?? "",
}

export const ageColumn: Column = {
  name: "Age",
  type: "string",
  cell: (object, now) => ageOf(object.metadata.creationTimestamp, now),
}

/** The columns of a kind that has none of its own. */
export const defaultColumns: readonly Column[] = [
  nameColumn,
  { name: "Created At", type: "date", cell: (object) => object.metadata.creationTimestamp ?? "<unknown>" },
]

interface HasContainers {
  containers?: readonly { name: string; image?: string }[]
}

/** The wide columns of kinds with a pod template. */
export function containerColumns<T extends KubeObject>(
  template: (object: T) => HasContainers | undefined,
): Column<T>[] {
  const list = (object: T) => template(object)?.containers ?? []
  return [
    wide(
      text("Containers", (object) =>
        list(object)
          .map((container) => container.name)
          .join(","),
      ),
    ),
    wide(
      text("Images", (object) =>
        list(object)
          .map((container) => container.image ?? "")
          .join(","),
      ),
    ),
  ]
}

/** `a=b,c=d` in the order of the keys; `<none>` when there is none. */
export function mapText(map: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(map ?? {})
  if (entries.length === 0) return "<none>"
  return entries
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",")
}

/** The text, or `<none>` when it is empty. */
export function orNone(value: string | undefined): string {
  return value || "<none>"
}
