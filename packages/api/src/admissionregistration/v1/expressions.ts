import {
  authorizerType,
  boolType,
  type CelType,
  compile,
  dynType,
  intType,
  jsonPatchType,
  listOf,
  mapOf,
  objectOf,
  objectTypes,
  type Program,
  resourceCheckType,
  sameType,
  stringType,
  timestampType,
} from "@ladya/cel"

const gvk = objectOf("kubernetes.GroupVersionKind", { group: stringType, version: stringType, kind: stringType })
const gvr = objectOf("kubernetes.GroupVersionResource", {
  group: stringType,
  version: stringType,
  resource: stringType,
})

/** The type of the variable `request`. */
const requestType = objectOf("kubernetes.AdmissionRequest", {
  kind: gvk,
  resource: gvr,
  subResource: stringType,
  requestKind: gvk,
  requestResource: gvr,
  requestSubResource: stringType,
  name: stringType,
  namespace: stringType,
  operation: stringType,
  userInfo: objectOf("kubernetes.UserInfo", {
    username: stringType,
    uid: stringType,
    groups: listOf(stringType),
    extra: mapOf(stringType, listOf(stringType)),
  }),
  dryRun: boolType,
  options: dynType,
})

const texts = mapOf(stringType, stringType)

/** The type of the variable `namespaceObject`. */
const namespaceType = objectOf("kubernetes.Namespace", {
  metadata: objectOf("kubernetes.NamespaceMetadata", {
    name: stringType,
    generateName: stringType,
    namespace: stringType,
    labels: texts,
    annotations: texts,
    UID: stringType,
    creationTimestamp: timestampType,
    deletionGracePeriodSeconds: intType,
    deletionTimestamp: timestampType,
    generation: intType,
    resourceVersion: stringType,
    finalizers: listOf(stringType),
  }),
  spec: objectOf("kubernetes.NamespaceSpec", { finalizers: listOf(stringType) }),
  status: objectOf("kubernetes.NamespaceStatus", { phase: stringType }),
})

/** What expressions of one place may name. */
export interface ExpressionScope {
  hasParams?: boolean
  hasAuthorizer?: boolean
  /** The composed variables before it, by name; undefined where there are none to be. */
  variables?: Readonly<Record<string, CelType>>
  /** Of `object` and `oldObject`, and of `params`; anything unless told. */
  object?: CelType
  params?: CelType
}

/** The variables that expressions of admission have. */
export function admissionVariables(scope: ExpressionScope): Record<string, CelType> {
  const object = scope.object ?? dynType
  return {
    object,
    oldObject: object,
    request: requestType,
    namespaceObject: namespaceType,
    ...(scope.hasParams ? { params: scope.params ?? dynType } : {}),
    ...(scope.hasAuthorizer ? { authorizer: authorizerType, "authorizer.requestResource": resourceCheckType } : {}),
    ...(scope.variables ? { variables: objectOf("kubernetes.variables", scope.variables) } : {}),
  }
}

/** What an expression has to result in. */
export type ExpressionResult = "bool" | "string" | "annotation" | "any" | "Object" | "JSONPatch"

const nullType: CelType = { kind: "null" }
const patchList = listOf(jsonPatchType)

const wanted: Readonly<Record<ExpressionResult, { text: string; fits(type: CelType): boolean }>> = {
  bool: { text: "must evaluate to bool", fits: (type) => sameType(type, boolType) },
  string: { text: "must evaluate to string", fits: (type) => sameType(type, stringType) },
  annotation: {
    text: "must evaluate to one of [string null_type]",
    fits: (type) => sameType(type, stringType) || sameType(type, nullType),
  },
  any: { text: "", fits: () => true },
  Object: { text: "must evaluate to Object", fits: (type) => type.kind === "object" && type.name === "Object" },
  JSONPatch: {
    text: "must evaluate to list(JSONPatch)",
    fits: (type) => sameType(type, patchList) || sameType(type, listOf(dynType)),
  },
}

export type CompiledExpression =
  | { readonly ok: true; readonly program: Program }
  /** Worded as upstream words it: `compilation failed: …`, `must evaluate to …`. */
  | { readonly ok: false; readonly error: string }

/** Compiles an expression of admission. */
export function compileAdmission(
  expression: string,
  result: ExpressionResult,
  scope: ExpressionScope,
): CompiledExpression {
  const isMutation = result === "Object" || result === "JSONPatch"
  const compiled = compile(expression, {
    variables: admissionVariables(scope),
    structs: isMutation ? objectTypes(scope.object) : () => undefined,
  })
  if (!compiled.ok) return { ok: false, error: `compilation failed: ${compiled.error}` }
  // Exactly: a value whose type is not known (`object.spec.x`) is none of them.
  if (!wanted[result].fits(compiled.program.type)) return { ok: false, error: wanted[result].text }
  return { ok: true, program: compiled.program }
}
