/** Where a part of an expression stands in its source, in UTF-16 units; `at` is the place that messages point at. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly at: number
}

export type ComprehensionKind =
  | "all"
  | "exists"
  | "existsOne"
  | "map"
  | "filter"
  | "transformList"
  | "transformMap"
  | "transformMapEntry"

/** A parsed expression; macros are nodes of their own. */
export type Expr = { readonly span: Span } & ExprBody

export type ExprBody =
  | { readonly op: "const"; readonly value: unknown }
  | { readonly op: "ident"; readonly name: string }
  | {
      readonly op: "select"
      readonly operand: Expr
      readonly field: string
      readonly isTest: boolean
      readonly isOptional: boolean
    }
  | { readonly op: "index"; readonly operand: Expr; readonly index: Expr; readonly isOptional: boolean }
  | { readonly op: "call"; readonly name: string; readonly target: Expr | undefined; readonly args: readonly Expr[] }
  | { readonly op: "and" | "or"; readonly left: Expr; readonly right: Expr }
  | { readonly op: "conditional"; readonly condition: Expr; readonly chosen: Expr; readonly otherwise: Expr }
  | { readonly op: "list"; readonly elements: readonly { value: Expr; isOptional: boolean }[] }
  | { readonly op: "map"; readonly entries: readonly { key: Expr; value: Expr; isOptional: boolean }[] }
  | {
      readonly op: "struct"
      readonly typeName: string
      readonly fields: readonly { name: string; value: Expr; isOptional: boolean }[]
    }
  | {
      readonly op: "comprehension"
      readonly kind: ComprehensionKind
      readonly range: Expr
      /** One variable, or two: index or key, and value. */
      readonly variables: readonly string[]
      readonly filter: Expr | undefined
      readonly body: Expr
    }
  | { readonly op: "bind"; readonly name: string; readonly value: Expr; readonly body: Expr }
  | {
      readonly op: "optMap"
      readonly target: Expr
      readonly name: string
      readonly body: Expr
      readonly isFlat: boolean
    }
