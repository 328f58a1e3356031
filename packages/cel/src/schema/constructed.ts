import type { CelObject } from "../runtime/values.ts"
import type { ObjectType } from "../types.ts"
import { toJson } from "./json-values.ts"

/** A message that an expression made (`Object{…}`, `JSONPatch{…}`). */
export class ConstructedObject implements CelObject {
  readonly isCelObject = true
  readonly type: ObjectType
  private readonly values: ReadonlyMap<string, unknown>

  constructor(type: ObjectType, values: ReadonlyMap<string, unknown>) {
    this.type = type
    this.values = values
  }

  has(field: string): boolean {
    return this.values.has(field)
  }

  get(field: string): unknown {
    return this.values.get(field)
  }

  toJson(): unknown {
    const names = this.type.fields()
    return Object.fromEntries(
      [...this.values].map(([name, value]) => [names.get(name)?.jsonName ?? name, toJson(value)]),
    )
  }
}

/** An object whose fields are worked out when they are first asked for, and then kept (`variables`). */
export class LazyObject implements CelObject {
  readonly isCelObject = true
  readonly type: ObjectType
  private readonly makers: ReadonlyMap<string, () => unknown>
  private readonly made = new Map<string, { value: unknown } | { error: unknown }>()

  constructor(type: ObjectType, makers: ReadonlyMap<string, () => unknown>) {
    this.type = type
    this.makers = makers
  }

  has(field: string): boolean {
    return this.makers.has(field)
  }

  get(field: string): unknown {
    const make = this.makers.get(field)
    if (!make) return undefined
    let found = this.made.get(field)
    if (!found) {
      try {
        found = { value: make() }
      } catch (error) {
        found = { error }
      }
      this.made.set(field, found)
    }
    if ("error" in found) throw found.error
    return found.value
  }

  toJson(): unknown {
    return Object.fromEntries([...this.makers.keys()].map((name) => [name, toJson(this.get(name))]))
  }
}
