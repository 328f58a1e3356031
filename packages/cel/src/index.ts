export {
  type Compilation,
  type CompileOptions,
  compile,
  type EvaluateOptions,
  type Outcome,
  type Program,
  perCallCostLimit,
} from "./compile.ts"
export {
  type AskAuthorizer,
  type AuthorizationAnswer,
  type AuthorizationQuery,
  authorizerType,
  newAuthorizerValue,
  newResourceCheckValue,
  resourceCheckType,
} from "./functions/kubernetes/authorizer.ts"
export { newQuantityValue } from "./functions/kubernetes/quantity.ts"
export { newSemverValue } from "./functions/kubernetes/semver.ts"
export { checkRules } from "./rules/check-rules.ts"
export { newRuleTree, type RuleTree } from "./rules/rule-tree.ts"
export { validateRules } from "./rules/validate-rules.ts"
export { CelError, CostLimitError } from "./runtime/errors.ts"
export {
  CelDuration,
  type CelMap,
  type CelObject,
  CelOptional,
  CelTimestamp,
  isMap,
  isObject,
} from "./runtime/values.ts"
export { ConstructedObject, LazyObject } from "./schema/constructed.ts"
export { escapedName } from "./schema/escape.ts"
export { toCel, toJson } from "./schema/json-values.ts"
export { jsonPatchType, objectTypes } from "./schema/mutation-types.ts"
export { typeOfSchema } from "./schema/type-of-schema.ts"
export * from "./types.ts"
