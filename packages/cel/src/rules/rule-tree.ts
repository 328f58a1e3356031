import { itemsOf, type JsonSchemaProps, valuesOf } from "@ladya/apimachinery"
import { typeOfSchema } from "../schema/type-of-schema.ts"
import type { CelType } from "../types.ts"
import { type CompiledRule, compileRule } from "./compile-rule.ts"

/** The rules of a schema and of what is below it. */
export interface RuleTree {
  readonly schema: JsonSchemaProps
  readonly type: CelType
  readonly rules: readonly CompiledRule[]
  readonly properties: ReadonlyMap<string, RuleTree>
  readonly items: RuleTree | undefined
  readonly values: RuleTree | undefined
}

/** Compiles the rules of a schema; undefined when there are none. `isResource` for the schema of a whole object. */
export function newRuleTree(schema: JsonSchemaProps, isResource = false): RuleTree | undefined {
  const items = itemsOf(schema)
  const values = valuesOf(schema)
  const properties = new Map<string, RuleTree>()
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const tree = newRuleTree(property, property["x-kubernetes-embedded-resource"])
    if (tree) properties.set(name, tree)
  }
  const itemTree = items && newRuleTree(items, items["x-kubernetes-embedded-resource"])
  const valueTree = values && newRuleTree(values, values["x-kubernetes-embedded-resource"])
  const own = schema["x-kubernetes-validations"] ?? []
  if (own.length === 0 && properties.size === 0 && !itemTree && !valueTree) return undefined
  const type = typeOfSchema(schema, isResource) ?? { kind: "dyn" }
  const rules = own.map((rule) => compileRule(rule, type))
  return { schema, type, rules, properties, items: itemTree, values: valueTree }
}
