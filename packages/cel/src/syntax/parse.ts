import { Environment, ParseError } from "@marcbachmann/cel-js"
import { UnsignedInt } from "@marcbachmann/cel-js/evaluator"
import { CelUint } from "../runtime/values.ts"
import type { ComprehensionKind, Expr, ExprBody } from "./ast.ts"
import { optionalCall, rewrite, structCall } from "./rewrite.ts"
import type { Issue } from "./source-error.ts"

/** What the parser library gives: only what is read here. */
interface Node {
  readonly op: string
  readonly args: unknown
  readonly start: number
  readonly end: number
  readonly pos: number
}

const parser = new Environment({
  enableOptionalTypes: true,
  limits: {
    maxAstNodes: 100_000,
    maxDepth: 250,
    maxListElements: 50_000,
    maxMapEntries: 50_000,
    maxCallArguments: 100,
  },
})

const binary = new Set(["==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "in"])
const comprehensions = new Map<string, { kind: ComprehensionKind; counts: readonly number[] }>([
  ["all", { kind: "all", counts: [2, 3] }],
  ["exists", { kind: "exists", counts: [2, 3] }],
  ["exists_one", { kind: "existsOne", counts: [2, 3] }],
  ["existsOne", { kind: "existsOne", counts: [2, 3] }],
  ["map", { kind: "map", counts: [2, 3] }],
  ["filter", { kind: "filter", counts: [2] }],
  ["transformList", { kind: "transformList", counts: [3, 4] }],
  ["transformMap", { kind: "transformMap", counts: [3, 4] }],
  ["transformMapEntry", { kind: "transformMapEntry", counts: [3, 4] }],
])
const maxInt = 2n ** 63n

/** A source as a tree, or what is wrong with it. */
export function parse(source: string): { expr: Expr } | { issues: Issue[] } {
  const rewritten = rewrite(source)
  try {
    const node = parser.parse(rewritten.text).ast as unknown as Node
    return { expr: new Converter(rewritten.text, (offset) => rewritten.originalOf(offset)).convert(node) }
  } catch (error) {
    if (error instanceof SyntaxIssue) return { issues: [{ offset: error.offset, message: error.message }] }
    if (error instanceof ParseError) {
      const offset = rewritten.originalOf(error.range?.start ?? 0)
      return { issues: [{ offset, message: `Syntax error: ${error.summary}` }] }
    }
    if (error instanceof RangeError) return { issues: [{ offset: 0, message: "expression recursion limit exceeded" }] }
    throw error
  }
}

class SyntaxIssue extends Error {
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

class Converter {
  private readonly text: string
  private readonly originalOf: (offset: number) => number

  constructor(text: string, originalOf: (offset: number) => number) {
    this.text = text
    this.originalOf = originalOf
  }

  convert(node: Node): Expr {
    return this.body(node)
  }

  private make(node: Node, at: number, body: ExprBody): Expr {
    const span = { start: this.originalOf(node.start), end: this.originalOf(node.end), at: this.originalOf(at) }
    return { span, ...body }
  }

  private after(node: Node, text: string): number {
    const found = this.text.indexOf(text, node.end)
    return found < 0 ? node.end : found
  }

  private body(node: Node): Expr {
    const args = node.args as never
    if (binary.has(node.op)) {
      const [left, right] = args as [Node, Node]
      return this.make(node, this.after(left, node.op), {
        op: "call",
        name: node.op === "in" ? "@in" : `_${node.op}_`,
        target: undefined,
        args: [this.convert(left), this.convert(right)],
      })
    }
    switch (node.op) {
      case "value":
        return this.make(node, node.start, { op: "const", value: this.literal(node, args, false) })
      case "id":
        return this.make(node, node.start, { op: "ident", name: args })
      case ".":
      case ".?": {
        const [operand, field] = args as [Node, string]
        const at = this.text.lastIndexOf(".", node.pos)
        return this.make(node, at < 0 ? node.pos : at, {
          op: "select",
          operand: this.convert(operand),
          field,
          isTest: false,
          isOptional: node.op === ".?",
        })
      }
      case "[]":
      case "[?]": {
        const [operand, index] = args as [Node, Node]
        return this.make(node, this.after(operand, "["), {
          op: "index",
          operand: this.convert(operand),
          index: this.convert(index),
          isOptional: node.op === "[?]",
        })
      }
      case "&&":
      case "||": {
        const [left, right] = args as [Node, Node]
        const op = node.op === "&&" ? "and" : "or"
        return this.make(node, this.after(left, node.op), { op, left: this.convert(left), right: this.convert(right) })
      }
      case "?:": {
        const [condition, then, otherwise] = args as [Node, Node, Node]
        return this.make(node, this.after(condition, "?"), {
          op: "conditional",
          condition: this.convert(condition),
          chosen: this.convert(then),
          otherwise: this.convert(otherwise),
        })
      }
      case "!_":
      case "-_": {
        const operand = args as Node
        if (node.op === "-_" && operand.op === "value" && ["bigint", "number"].includes(typeof operand.args)) {
          return this.make(node, node.start, { op: "const", value: this.literal(operand, operand.args, true) })
        }
        const name = node.op === "!_" ? "!_" : "-_"
        return this.make(node, node.start, { op: "call", name, target: undefined, args: [this.convert(operand)] })
      }
      case "list": {
        const elements = (args as Node[]).map((element) => this.optional(element))
        return this.make(node, node.start, { op: "list", elements })
      }
      case "map": {
        const entries = (args as [Node, Node][]).map(([key, value]) => {
          const { value: keyExpr, isOptional } = this.optional(key)
          return { key: keyExpr, value: this.convert(value), isOptional }
        })
        return this.make(node, node.start, { op: "map", entries })
      }
      case "call":
        return this.call(node, ...(args as [string, Node[]]))
      case "rcall":
        return this.memberCall(node, ...(args as [string, Node, Node[]]))
      default:
        throw new SyntaxIssue(this.originalOf(node.start), `Syntax error: unexpected ${node.op}`)
    }
  }

  private optional(node: Node): { value: Expr; isOptional: boolean } {
    if (node.op === "call" && (node.args as [string])[0] === optionalCall) {
      const [, inner] = node.args as [string, Node[]]
      if (inner[0]) return { value: this.convert(inner[0]), isOptional: true }
    }
    return { value: this.convert(node), isOptional: false }
  }

  private literal(node: Node, value: unknown, isNegative: boolean): unknown {
    if (value instanceof UnsignedInt) return new CelUint(BigInt(String(value)))
    if (typeof value === "number") return isNegative ? -value : value
    if (typeof value !== "bigint") return value
    const signed = isNegative ? -value : value
    if (signed >= maxInt || signed < -maxInt) throw new SyntaxIssue(this.originalOf(node.start), "invalid int literal")
    return signed
  }

  private call(node: Node, name: string, args: readonly Node[]): Expr {
    const at = this.text.indexOf("(", node.start)
    if (name === structCall) return this.struct(node, args)
    if (name === "has" && args.length === 1) {
      const operand = this.convert(args[0]!)
      if (operand.op !== "select" || operand.isOptional) {
        throw new SyntaxIssue(this.originalOf(at), "invalid argument to has() macro")
      }
      return { ...operand, isTest: true }
    }
    const converted = args.map((arg) => this.convert(arg))
    return this.make(node, at, { op: "call", name, target: undefined, args: converted })
  }

  private struct(node: Node, [name, fields]: readonly Node[]): Expr {
    const made = ((fields?.args ?? []) as [Node, Node][]).map(([key, value]) => {
      const { value: keyExpr, isOptional } = this.optional(key)
      const text = keyExpr.op === "const" ? String(keyExpr.value) : keyExpr.op === "ident" ? keyExpr.name : ""
      return { name: text, value: this.convert(value), isOptional }
    })
    return this.make(node, node.start, { op: "struct", typeName: String(name?.args), fields: made })
  }

  private memberCall(node: Node, name: string, target: Node, args: readonly Node[]): Expr {
    const at = this.after(target, "(")
    const variable = (arg: Node | undefined): string => {
      if (arg?.op === "id") return arg.args as string
      throw new SyntaxIssue(this.originalOf(arg?.start ?? at), "argument must be a simple name")
    }
    if (name === "bind" && target.op === "id" && target.args === "cel" && args.length === 3) {
      const [first, value, body] = args as [Node, Node, Node]
      const parts = { name: variable(first), value: this.convert(value), body: this.convert(body) }
      return this.make(node, at, { op: "bind", ...parts })
    }
    if ((name === "optMap" || name === "optFlatMap") && args.length === 2) {
      const parts = { target: this.convert(target), name: variable(args[0]), body: this.convert(args[1]!) }
      return this.make(node, at, { op: "optMap", ...parts, isFlat: name === "optFlatMap" })
    }
    const macro = comprehensions.get(name)
    if (macro?.counts.includes(args.length)) {
      const hasTwo = name.startsWith("transform") || (args.length === 3 && name !== "map")
      const variables = (hasTwo ? args.slice(0, 2) : args.slice(0, 1)).map(variable)
      const rest = args.slice(variables.length)
      return this.make(node, at, {
        op: "comprehension",
        kind: macro.kind,
        range: this.convert(target),
        variables,
        filter: rest.length === 2 ? this.convert(rest[0]!) : undefined,
        body: this.convert(rest.at(-1)!),
      })
    }
    const converted = args.map((arg) => this.convert(arg))
    return this.make(node, at, { op: "call", name, target: this.convert(target), args: converted })
  }
}
