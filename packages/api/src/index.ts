export * from "./admissionregistration/v1/expressions.ts"
export { type Approval, approvalOf } from "./apiextensions/v1/approval.ts"
export { bindPod } from "./core/v1/pod/strategy.ts"
export { validateBinding } from "./core/v1/pod/validation.ts"
export {
  isHeadless,
  needsClusterIP,
  needsNodePort,
  type ServiceAllocations,
  serviceAllocations,
} from "./core/v1/service/strategy.ts"
export { refs } from "./generated/refs.ts"
export type * from "./generated/types/index.ts"
export * from "./helpers/index.ts"
export type * from "./kind.ts"
export { compact } from "./objects.ts"
export { ageColumn, defaultColumns, nameColumn } from "./printing/columns.ts"
export { ageOf, humanDuration } from "./printing/duration.ts"
export { isStorageVersion, kindByGvk, kindByResource, kinds, kindsByStorage } from "./registry.ts"
export { schemaSource, schemaTypeNames } from "./schema-source.ts"
