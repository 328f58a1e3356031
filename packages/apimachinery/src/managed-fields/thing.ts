import type { KubeObject } from "../resource.ts"
import type { SchemaSource, TypeSchema } from "../schema.ts"
import { type FieldType, fieldTypeOf } from "./field-type.ts"
import type { OwnershipContext } from "./ownership.ts"

// A made-up kind with a place of every sort, for the tests beside this file.
const types: Readonly<Record<string, TypeSchema>> = {
  Thing: {
    fields: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { ref: "Meta", default: {} },
      spec: { ref: "Spec", default: {} },
      status: { ref: "Status", default: {} },
    },
  },
  Meta: {
    fields: {
      name: { type: "string" },
      uid: { type: "string" },
      generation: { type: "integer" },
      resourceVersion: { type: "string" },
      labels: { type: "map", values: { type: "string" } },
      annotations: { type: "map", values: { type: "string" } },
      finalizers: { type: "array", items: { type: "string" }, listType: "set" },
      managedFields: { type: "array", items: {}, listType: "atomic" },
    },
  },
  Spec: {
    fields: {
      replicas: { type: "integer" },
      paused: { type: "boolean" },
      selector: { ref: "Selector" },
      template: { ref: "Template", default: {} },
      nested: { ref: "Nested" },
      tags: { type: "array", items: { type: "string" }, listType: "set" },
      args: { type: "array", items: { type: "string" } },
      limits: { type: "map", mapType: "atomic", values: { type: "string" } },
      items: { type: "array", items: { ref: "Item" }, listType: "map", listMapKeys: ["name"] },
      anything: { type: "object" },
    },
    required: ["items"],
  },
  Selector: { fields: { matchLabels: { type: "map", values: { type: "string" } } }, mapType: "atomic" },
  Template: { fields: { image: { type: "string" }, note: { type: "string" } } },
  Nested: { fields: { a: { type: "string" }, b: { type: "string" }, deep: { ref: "Nested" } } },
  Item: {
    fields: {
      name: { type: "string", default: "" },
      value: { type: "string" },
      resources: { ref: "Template", default: {} },
      ports: { type: "array", items: { ref: "Port" }, listType: "map", listMapKeys: ["port", "protocol"] },
    },
    required: ["name"],
  },
  Port: {
    fields: {
      port: { type: "integer", default: 0 },
      protocol: { type: "string", default: "TCP" },
      name: { type: "string" },
    },
    required: ["port"],
  },
  Status: { fields: { replicas: { type: "integer" }, phase: { type: "string" } } },
}

const source: SchemaSource = (name) => (Object.hasOwn(types, name) ? types[name] : undefined)

export const thingType: FieldType = fieldTypeOf("Thing", source)

export interface Thing extends KubeObject {
  spec?: Record<string, unknown>
  status?: Record<string, unknown>
}

export function thing(spec: Record<string, unknown>, metadata: Record<string, unknown> = {}): Thing {
  return { apiVersion: "test/v1", kind: "Thing", metadata: { name: "it", ...metadata }, spec }
}

/** Writes at the given minute of a day. */
export function contextAt(minute: number, subresource = ""): OwnershipContext {
  return {
    apiVersion: "test/v1",
    kind: "Thing",
    type: thingType,
    subresource,
    ignored: new Set(subresource ? ["spec"] : ["status"]),
    now: () => `2024-01-01T00:${String(minute).padStart(2, "0")}:00Z`,
  }
}
