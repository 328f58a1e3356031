import type { Column } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import { partialMetadata, type TableMaker } from "./respond.ts"

const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  cell: (object: KubeObject) => object.metadata.name ?? "",
}
const createdColumn: Column = {
  name: "Created At",
  type: "date",
  cell: (object: KubeObject) => object.metadata.creationTimestamp ?? "",
}

/** Tables by the kind's own columns, or with name and time of creation. */
export const simpleTable: TableMaker = (request) => {
  const columns = request.kind.behaviour.columns ?? [nameColumn, createdColumn]
  return {
    kind: "Table",
    apiVersion: request.apiVersion,
    metadata: request.metadata,
    columnDefinitions: request.withColumns
      ? columns.map((column) => ({
          name: column.name,
          type: column.type,
          format: column.format ?? "",
          description: "",
          priority: column.priority ?? 0,
        }))
      : null,
    rows: request.objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, request.now)),
      ...(request.includeObject === "None"
        ? {}
        : { object: request.includeObject === "Object" ? object : partialMetadata(object, request.apiVersion) }),
    })),
  }
}
