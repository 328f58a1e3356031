import { type admissionregistrationv1, admissionVariables, type ExpressionScope, type KindDefinition } from "@ladya/api"
import { apiVersionOf, parseApiVersion, type SchemaSource } from "@ladya/apimachinery"
import { type CelType, compile } from "@ladya/cel"
import { celTypeOfKind } from "./kind-types.ts"

type Policy = admissionregistrationv1.ValidatingAdmissionPolicy
type Warning = admissionregistrationv1.ExpressionWarning

/** No more kinds than these are checked. */
const maxKinds = 10

/** The kinds that a policy names. A rule with a wildcard names none: nothing can be said of its objects. */
export function namedKinds(policy: Policy, kinds: readonly KindDefinition[]): KindDefinition[] {
  const found = new Set<KindDefinition>()
  for (const rule of policy.spec?.matchConstraints?.resourceRules ?? []) {
    const { apiGroups = [], apiVersions = [], resources = [] } = rule
    if (apiGroups.includes("*") || apiVersions.includes("*")) continue
    const plain = resources.filter((resource) => !/[*/]/.test(resource))
    for (const kind of kinds) {
      if (!apiGroups.includes(kind.group) || !apiVersions.includes(kind.version)) continue
      if (plain.includes(kind.resource)) found.add(kind)
    }
  }
  const text = (kind: KindDefinition): string => `${kind.group}/${kind.version}/${kind.kind}`
  return [...found].sort((a, b) => (text(a) < text(b) ? -1 : 1)).slice(0, maxKinds)
}

/** What is wrong with a policy's expressions, given the types of the objects that it names. */
export function planWarnings(policy: Policy, kinds: readonly KindDefinition[], schemas: SchemaSource): Warning[] {
  const { spec = {} } = policy
  const params = spec.paramKind && paramType(spec.paramKind, kinds, schemas)
  const scopes = namedKinds(policy, kinds).map((kind) => ({
    kind,
    scope: withVariables(spec.variables ?? [], {
      hasParams: spec.paramKind !== undefined,
      hasAuthorizer: true,
      object: celTypeOfKind(kind.type ?? "", schemas),
      ...(params ? { params } : {}),
    }),
  }))
  const warnings: Warning[] = []
  const check = (fieldRef: string, expression: string | undefined): void => {
    if (!expression) return
    const problems = scopes.flatMap(({ kind, scope }) => {
      const compiled = compile(expression, { variables: admissionVariables(scope), structs: () => undefined })
      return compiled.ok ? [] : [`${apiVersionOf(kind)}, Kind=${kind.kind}: ${compiled.error}\n`]
    })
    if (problems.length > 0) warnings.push({ fieldRef, warning: problems.join("\n") })
  }
  for (const [index, { expression, messageExpression }] of (spec.validations ?? []).entries()) {
    check(`spec.validations[${index}].expression`, expression)
    check(`spec.validations[${index}].messageExpression`, messageExpression)
  }
  return warnings
}

function paramType(
  { apiVersion = "", kind: name }: admissionregistrationv1.ParamKind,
  kinds: readonly KindDefinition[],
  schemas: SchemaSource,
): CelType | undefined {
  const { group, version } = parseApiVersion(apiVersion)
  const found = kinds.find((kind) => kind.group === group && kind.version === version && kind.kind === name)
  return found && celTypeOfKind(found.type ?? "", schemas)
}

function withVariables(
  variables: readonly admissionregistrationv1.Variable[],
  scope: ExpressionScope,
): ExpressionScope {
  const types: Record<string, CelType> = {}
  for (const { name, expression } of variables) {
    const before = { ...scope, variables: { ...types } }
    const compiled = compile(expression, { variables: admissionVariables(before), structs: () => undefined })
    types[name] = compiled.ok ? compiled.program.type : { kind: "dyn" }
  }
  return { ...scope, variables: types }
}
