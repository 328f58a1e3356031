import { type Column, defaultColumns, type KindDefinition } from "@ladya/api"
import type { KubeObject, metav1 } from "@ladya/apimachinery"

/** What is to be shown as a table. */
export interface TableInput {
  kind: KindDefinition
  /** In the version of `kind`. */
  objects: readonly KubeObject[]
  metadata: Partial<metav1.ListMeta>
  includeObject: "None" | "Metadata" | "Object"
  /** `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`. */
  apiVersion: string
  /** Milliseconds since the epoch. */
  now: number
  /** False for all but the first event of a watch: clients have the columns already. */
  withColumns: boolean
}

interface Row {
  cells: readonly (string | number | boolean)[]
  object?: object
}

const columnsOf = (kind: KindDefinition): readonly Column[] => kind.behaviour.columns ?? defaultColumns

function definitionOf(column: Column): object {
  return {
    name: column.name,
    type: column.type,
    format: column.format ?? "",
    description: "",
    priority: column.priority ?? 0,
  }
}

function rowObject(object: KubeObject, input: TableInput): object | undefined {
  if (input.includeObject === "None") return undefined
  if (input.includeObject === "Object") return object
  return { kind: "PartialObjectMetadata", apiVersion: input.apiVersion, metadata: object.metadata }
}

/** The objects as a Table: what `kubectl get` prints. */
export function makeTable(input: TableInput): object {
  const columns = columnsOf(input.kind)
  const rows = input.objects.map((object): Row => {
    const shown = rowObject(object, input)
    return { cells: columns.map((column) => column.cell(object, input.now)), ...(shown ? { object: shown } : {}) }
  })
  return {
    kind: "Table",
    apiVersion: input.apiVersion,
    metadata: input.metadata,
    columnDefinitions: input.withColumns ? columns.map(definitionOf) : [],
    rows,
  }
}
