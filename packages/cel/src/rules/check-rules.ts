import {
  type FieldError,
  fieldError,
  itemsOf,
  type JsonSchemaProps,
  type ValidationRule,
  valuesOf,
} from "@ladya/apimachinery"
import { minSerializedSize } from "../schema/limits.ts"
import { typeOfSchema } from "../schema/type-of-schema.ts"
import { compileRule } from "./compile-rule.ts"

/** What one rule may cost by estimate, and all rules of a schema together. */
const ruleLimit = 10_000_000
const schemaLimit = 100_000_000
const maxRequestBytes = 3 * 1024 * 1024

interface Place {
  readonly path: string
  /** How many values of this schema an object may have; undefined: no bound is declared. */
  readonly cardinality: number | undefined
  /** The first place on the way that has no past to compare with. */
  readonly uncorrelatable: string | undefined
  readonly isResource: boolean
}

interface Check {
  readonly errors: FieldError[]
  readonly costs: { path: string; cost: number }[]
}

/** What is wrong with the rules of a schema: those that do not compile, may cost too much, or are not well formed. */
export function checkRules(schema: JsonSchemaProps, path: string): FieldError[] {
  const check: Check = { errors: [], costs: [] }
  visit(check, schema, { path, cardinality: 1, uncorrelatable: undefined, isResource: true })
  const total = check.costs.reduce((sum, { cost }) => sum + cost, 0)
  if (total > schemaLimit) {
    const largest = check.costs.toSorted((a, b) => b.cost - a.cost).slice(0, 4)
    const detail =
      "contributed to estimated rule & messageExpression cost total exceeding cost limit for entire OpenAPIv3 schema"
    for (const { path: at } of largest) check.errors.push(fieldError.forbidden(at, detail))
    const what = "x-kubernetes-validations estimated rule & messageExpression cost total for entire OpenAPIv3 schema"
    check.errors.push(fieldError.forbidden(path, costText(what, total, schemaLimit)))
  }
  return check.errors
}

function visit(check: Check, schema: JsonSchemaProps, place: Place): void {
  const { path } = place
  const rules = schema["x-kubernetes-validations"] ?? []
  for (const [index, rule] of rules.entries()) {
    checkRule(check, schema, rule, place, `${path}.x-kubernetes-validations[${index}]`)
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    visit(check, property, { ...place, path: `${path}.properties[${name}]`, isResource: isEmbedded(property) })
  }
  const values = valuesOf(schema)
  if (values && typeof schema.additionalProperties === "object") {
    const cardinality = times(place.cardinality, schema.maxProperties)
    visit(check, values, {
      ...place,
      path: `${path}.additionalProperties`,
      cardinality,
      isResource: isEmbedded(values),
    })
  }
  const items = itemsOf(schema)
  if (!items) return
  const at = `${path}.items`
  visit(check, items, {
    path: at,
    cardinality: times(place.cardinality, schema.maxItems),
    uncorrelatable: place.uncorrelatable ?? (schema["x-kubernetes-list-type"] === "map" ? undefined : at),
    isResource: isEmbedded(items),
  })
}

const isEmbedded = (schema: JsonSchemaProps): boolean => schema["x-kubernetes-embedded-resource"] ?? false
const times = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a * b

const reasons = ["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"]

function checkRule(check: Check, schema: JsonSchemaProps, rule: ValidationRule, place: Place, at: string): void {
  const { errors } = check
  const { message, reason } = rule
  if (!(rule.rule ?? "").trim()) {
    errors.push(fieldError.required(`${at}.rule`, "rule is not specified"))
    return
  }
  if (message !== undefined && message !== "" && message.trim() === "") {
    errors.push(fieldError.invalid(`${at}.message`, message, "message must be non-empty if specified"))
  } else if (message?.trim().includes("\n")) {
    errors.push(fieldError.invalid(`${at}.message`, message, "message must not contain line breaks"))
  } else if ((rule.rule ?? "").trim().includes("\n") && !message?.trim()) {
    errors.push(fieldError.required(`${at}.message`, "message must be specified if rule contains line breaks"))
  }
  if (rule.messageExpression !== undefined && rule.messageExpression !== "" && !rule.messageExpression.trim()) {
    const detail = "messageExpression must be non-empty if specified"
    errors.push(fieldError.required(`${at}.messageExpression`, detail))
  }
  if (reason !== undefined && !reasons.includes(reason)) {
    errors.push(fieldError.notSupported(`${at}.reason`, reason, reasons))
  }
  checkFieldPath(errors, schema, rule, at)
  checkExpression(check, schema, rule, place, at)
}

function checkExpression(check: Check, schema: JsonSchemaProps, rule: ValidationRule, place: Place, at: string): void {
  const { errors } = check
  const type = typeOfSchema(schema, place.isResource)
  if (!type) {
    errors.push(fieldError.invalid(`${at}.rule`, rule.rule, "rules cannot be set on a schema without a type"))
    return
  }
  const compiled = compileRule(rule, type)
  if (compiled.error) errors.push(fieldError.invalid(`${at}.rule`, rule.rule, compiled.error))
  if (compiled.messageError) {
    const detail = compiled.messageError.replace(/^compilation failed/, "messageExpression compilation failed")
    errors.push(fieldError.invalid(`${at}.messageExpression`, rule.messageExpression, detail))
  }
  if (compiled.error || compiled.messageError) return
  if (compiled.usesOldSelf && place.uncorrelatable) {
    const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`
    errors.push(fieldError.invalid(`${at}.rule`, rule.rule, detail))
  }
  if (rule.optionalOldSelf && !compiled.usesOldSelf) {
    const detail = "may not be set if oldSelf is not used in rule"
    errors.push(fieldError.invalid(`${at}.optionalOldSelf`, true, detail))
  }
  const cardinality = place.cardinality ?? Math.floor(maxRequestBytes / (minSerializedSize(schema) + 1))
  const costs = [
    ["rule", "estimated rule cost", compiled.program],
    ["messageExpression", "estimated messageExpression cost", compiled.message],
  ] as const
  for (const [field, name, program] of costs) {
    if (!program) continue
    const cost = program.estimatedCost * cardinality
    check.costs.push({ path: `${at}.${field}`, cost })
    if (cost > ruleLimit) errors.push(fieldError.forbidden(`${at}.${field}`, costText(name, cost, ruleLimit)))
  }
}

function costText(what: string, cost: number, limit: number): string {
  const factor = cost / limit
  const text = factor > 100 ? "more than 100x" : `${factor < 1.5 ? factor.toFixed(6) : factor.toFixed(1)}x`
  return `${what} exceeds budget by factor of ${text} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`
}

/** The path that a broken rule is told at has to lead to a property. */
function checkFieldPath(
  errors: FieldError[],
  schema: JsonSchemaProps,
  { fieldPath }: ValidationRule,
  at: string,
): void {
  if (!fieldPath) return
  const wrong = (detail: string): void => {
    errors.push(fieldError.invalid(`${at}.fieldPath`, fieldPath, detail))
  }
  if (fieldPath.includes("\n")) {
    wrong("fieldPath must not contain line breaks")
    return
  }
  if (!/^(\.[^.[\]\s]+|\['(?:[^'\\]|\\.)*'\])+$/.test(fieldPath)) {
    wrong("fieldPath must be a valid path: must start with `.` or `['`")
    return
  }
  let place: JsonSchemaProps | undefined = schema
  for (const [, plain, quoted] of fieldPath.matchAll(/\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/g)) {
    const name = plain ?? quoted?.replace(/\\(.)/g, "$1") ?? ""
    const values: JsonSchemaProps | undefined = valuesOf(place)
    place = place.properties?.[name] ?? values
    if (!place) {
      wrong("fieldPath must be a valid path: does not refer to a valid field")
      return
    }
  }
}
