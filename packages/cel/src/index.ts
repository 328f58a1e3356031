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
export { compilePattern } from "./functions/regular-expressions.ts"
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
