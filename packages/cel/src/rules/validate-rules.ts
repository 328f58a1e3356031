import {
  correlatedItems,
  type FieldError,
  fieldError,
  isJsonObject,
  semanticEqual,
  type ValidationRule,
} from "@ladya/apimachinery"
import { CelOptional } from "../runtime/values.ts"
import { toCel } from "../schema/json-values.ts"
import type { CompiledRule } from "./compile-rule.ts"
import type { RuleTree } from "./rule-tree.ts"

/** What all rules of one object may cost together, and what one evaluation may. */
const objectBudget = 10_000_000
const ruleBudget = 1_000_000

const outOfBudget = "validation failed due to running out of cost budget, no further validation rules will be run"

interface Run {
  readonly errors: FieldError[]
  left: number
  isOver: boolean
}

/**
 * The rules that a value breaks, as field errors. `previous` is set on updates: what did not change since is let
 * through, except by rules that compare with it.
 */
export function validateRules(tree: RuleTree, value: unknown, previous: unknown, path = ""): FieldError[] {
  const run: Run = { errors: [], left: objectBudget, isOver: false }
  visit(run, tree, value, previous, path)
  return run.errors
}

const child = (path: string, name: string): string => (path ? `${path}.${name}` : name)

function visit(run: Run, tree: RuleTree, value: unknown, previous: unknown, path: string): void {
  if (value === undefined || value === null || run.isOver) return
  checkRules(run, tree, value, previous, path)
  if (Array.isArray(value)) {
    if (!tree.items) return
    const before = correlatedItems(tree.schema, previous)
    for (const [index, item] of value.entries()) visit(run, tree.items, item, before?.(item), `${path}[${index}]`)
  } else if (isJsonObject(value)) {
    const before = isJsonObject(previous) ? previous : undefined
    for (const [name, property] of tree.properties) {
      if (Object.hasOwn(value, name)) visit(run, property, value[name], before?.[name], child(path, name))
    }
    if (!tree.values) return
    for (const [name, item] of Object.entries(value)) {
      if (!tree.properties.has(name)) visit(run, tree.values, item, before?.[name], `${path}[${name}]`)
    }
  }
}

function checkRules(run: Run, tree: RuleTree, value: unknown, previous: unknown, path: string): void {
  if (tree.rules.length === 0) return
  const hasPrevious = previous !== undefined && previous !== null
  const isUnchanged = hasPrevious && semanticEqual(value, previous)
  const self = toCel(value, tree.type)
  const before = hasPrevious ? toCel(previous, tree.type) : undefined
  for (const compiled of tree.rules) {
    if (run.isOver) return
    const { rule, usesOldSelf } = compiled
    if (usesOldSelf ? !hasPrevious && !rule.optionalOldSelf : isUnchanged) continue
    const oldSelf = rule.optionalOldSelf ? (hasPrevious ? CelOptional.of(before) : CelOptional.none) : before
    checkRule(run, tree, compiled, { self, oldSelf }, path)
  }
}

function checkRule(
  run: Run,
  tree: RuleTree,
  compiled: CompiledRule,
  bindings: { self: unknown; oldSelf: unknown },
  path: string,
): void {
  const { rule, program } = compiled
  const at = path || "<nil>"
  const kind = tree.schema.type ?? ""
  const wrong = (detail: string): void => {
    run.errors.push(fieldError.invalid(at, kind, detail))
  }
  if (!program) {
    wrong(`rule compile error: ${compiled.error}`)
    return
  }
  const outcome = program.evaluate(bindings, { costLimit: Math.min(ruleBudget, run.left) })
  run.left -= outcome.cost
  if (outcome.ok) {
    if (outcome.value !== true) run.errors.push(brokenRule(run, compiled, bindings, path, kind))
  } else if (outcome.kind === "cost") {
    const isOfRule = run.left > 0
    wrong(
      isOfRule
        ? `'${outcome.error}': no further validation rules will be run due to call cost exceeds limit for rule: ${ruleText(rule)}`
        : outOfBudget,
    )
    run.isOver = true
    return
  } else if (outcome.error.startsWith("no such overload")) {
    wrong(
      `'${outcome.error}': call arguments did not match a supported operator, function or macro signature for rule: ${ruleText(rule)}`,
    )
  } else wrong(`${outcome.error} evaluating rule: ${ruleText(rule)}`)
  if (run.left > 0) return
  wrong(outOfBudget)
  run.isOver = true
}

/** A rule as errors name it. */
function ruleText({ rule, message }: ValidationRule): string {
  return (message?.trim() || rule).trim()
}

function brokenRule(
  run: Run,
  compiled: CompiledRule,
  bindings: { self: unknown; oldSelf: unknown },
  path: string,
  kind: string,
): FieldError {
  const { rule } = compiled
  const detail = messageOf(run, compiled, bindings) ?? (rule.message?.trim() || `failed rule: ${rule.rule.trim()}`)
  const at = pathOf(path, rule.fieldPath) || "<nil>"
  switch (rule.reason) {
    case "FieldValueForbidden":
      return fieldError.forbidden(at, detail)
    case "FieldValueRequired":
      return fieldError.required(at, detail)
    case "FieldValueDuplicate":
      return fieldError.duplicate(at, kind)
    default:
      return fieldError.invalid(at, kind, detail)
  }
}

/** What the rule's own expression says, when that is one line of text. */
function messageOf(
  run: Run,
  { message }: CompiledRule,
  bindings: { self: unknown; oldSelf: unknown },
): string | undefined {
  if (!message) return undefined
  const outcome = message.evaluate(bindings, { costLimit: Math.min(ruleBudget, Math.max(run.left, 0)) })
  run.left -= outcome.cost
  if (!outcome.ok || typeof outcome.value !== "string") return undefined
  const text = outcome.value.trim()
  return text === "" || text.includes("\n") || text.length > 5 * 1024 ? undefined : text
}

/** `.a['b.c']` behind the path of the rule's own place. */
function pathOf(path: string, fieldPath: string | undefined): string {
  if (!fieldPath) return path
  const names = [...fieldPath.matchAll(/\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/g)].map(
    ([, plain, quoted]) => plain ?? quoted?.replace(/\\(.)/g, "$1") ?? "",
  )
  return names.reduce(child, path)
}
