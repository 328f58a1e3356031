import type { JsonSchema } from "../schemas.ts"
import type { ProtobufWriter } from "./writer.ts"

export type Write = (writer: ProtobufWriter, value: unknown) => unknown

export const objectOf = (value: unknown): JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonSchema) : {}
export const arrayOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** A map as gnostic has them: pairs of name and value. */
export function named(writer: ProtobufWriter, field: number, map: unknown, write: Write): void {
  for (const [name, value] of Object.entries(objectOf(map))) {
    writer.message(field, (pair) => {
      pair.string(1, name).message(2, (inner) => write(inner, value))
    })
  }
}

/** Any value: as YAML, of which JSON is a part. */
export function any(writer: ProtobufWriter, value: unknown): void {
  writer.string(2, `${JSON.stringify(value)}\n`)
}

export function extensions(writer: ProtobufWriter, field: number, of: JsonSchema): void {
  for (const [name, value] of Object.entries(of)) {
    if (!name.startsWith("x-")) continue
    writer.message(field, (pair) => {
      pair.string(1, name).message(2, (inner) => any(inner, value))
    })
  }
}
