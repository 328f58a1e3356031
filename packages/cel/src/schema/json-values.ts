import { durationText, parseDate, parseDuration, parseTimestamp, timestampText } from "../functions/time.ts"
import { RelationalList } from "../runtime/equality.ts"
import {
  CelDuration,
  type CelMap,
  type CelObject,
  CelOptional,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  isMap,
  isObject,
} from "../runtime/values.ts"
import { type CelType, dynType, type ObjectType } from "../types.ts"
import { schemaOf } from "./type-of-schema.ts"

type Json = Readonly<Record<string, unknown>>
const isJsonObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A map that lies in JSON. Its values are converted when they are asked for. */
class JsonMap implements CelMap {
  readonly isCelMap = true
  readonly json: Json
  private readonly value: CelType
  private names: readonly string[] | undefined

  constructor(json: Json, value: CelType) {
    this.json = json
    this.value = value
  }

  get size(): number {
    return this.listed().length
  }

  private listed(): readonly string[] {
    this.names ??= Object.keys(this.json)
    return this.names
  }

  get(key: unknown): unknown {
    if (typeof key !== "string" || !Object.hasOwn(this.json, key)) return undefined
    const value = this.json[key]
    return value === undefined ? undefined : toCel(value, this.value)
  }

  keys(): Iterable<unknown> {
    return this.listed()
  }
}

/** A message that lies in JSON. A field that is null is as good as absent. */
class JsonObject implements CelObject {
  readonly isCelObject = true
  readonly type: ObjectType
  private readonly json: Json

  constructor(json: Json, type: ObjectType) {
    this.json = json
    this.type = type
  }

  has(field: string): boolean {
    const found = this.type.fields().get(field)
    return found !== undefined && (this.json[found.jsonName] ?? undefined) !== undefined
  }

  get(field: string): unknown {
    const found = this.type.fields().get(field)
    const value = found && this.json[found.jsonName]
    return value === undefined || value === null ? undefined : toCel(value, found!.type)
  }

  toJson(): unknown {
    return this.json
  }
}

/** A JSON value as expressions see it, by its type. What does not fit its type is taken for what it is. */
export function toCel(value: unknown, type: CelType = dynType): unknown {
  switch (typeof value) {
    case "boolean":
      return value
    case "number":
      if (type.kind === "double") return value
      return Number.isInteger(value) ? BigInt(value) : value
    case "string":
      return textToCel(value, type)
    default:
  }
  if (value === null || value === undefined) return null
  if (Array.isArray(value)) return listToCel(value, type)
  if (!isJsonObject(value) || isMap(value) || isObject(value)) return value
  if (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null) return value
  if (type.kind === "object") return new JsonObject(value, type)
  return new JsonMap(value, type.kind === "map" ? type.value : dynType)
}

function textToCel(value: string, type: CelType): unknown {
  switch (type.kind) {
    case "timestamp":
      return parseTimestamp(value) ?? parseDate(value) ?? value
    case "duration":
      return parseDuration(value) ?? value
    case "bytes":
      try {
        return Uint8Array.from(atob(value), (char) => char.charCodeAt(0))
      } catch {
        return value
      }
    default:
      return value
  }
}

function listToCel(value: readonly unknown[], type: CelType): unknown[] {
  const element = type.kind === "list" ? type.element : dynType
  const schema = schemaOf(type)
  const relation = schema?.["x-kubernetes-list-type"]
  if (relation !== "set" && relation !== "map") return value.map((item) => toCel(item, element))
  const list = new RelationalList()
  for (const item of value) list.push(toCel(item, element))
  if (relation === "map") {
    const keys = schema?.["x-kubernetes-list-map-keys"] ?? []
    list.keyOf = (item) => JSON.stringify(keys.map((key) => fieldText(item, key)))
  }
  return list
}

function fieldText(item: unknown, key: string): string {
  const json = isObject(item) ? item.toJson() : item instanceof JsonMap ? item.json : undefined
  return isJsonObject(json) ? JSON.stringify(json[key] ?? null) : ""
}

/** A value of an expression as JSON. Throws for what JSON has no form for. */
export function toJson(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value)
  if (value === null || typeof value !== "object") return value
  if (Array.isArray(value)) return Array.from(value, toJson)
  if (value instanceof CelUint) return Number(value.value)
  if (value instanceof CelTimestamp) return timestampText(value)
  if (value instanceof CelDuration) return durationText(value)
  if (value instanceof Uint8Array) return btoa(String.fromCharCode(...value))
  if (value instanceof CelOptional) return value.hasValue ? toJson(value.value()) : null
  if (value instanceof CelTypeValue) return value.name
  if (isObject(value)) return value.toJson()
  if (isMap(value)) {
    const entries = [...value.keys()].map((key) => [String(key), toJson(value.get(key))])
    return Object.fromEntries(entries)
  }
  throw new Error("this value has no form in JSON")
}
