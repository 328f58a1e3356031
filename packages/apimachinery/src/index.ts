export { DecodeError } from "./decoding/context.ts"
export * from "./decoding/decode.ts"
export type { Decode } from "./decoding/scalars.ts"
export * from "./encoding.ts"
export * from "./field-error.ts"
export type * as metav1 from "./generated/metav1.ts"
export * from "./int-or-string.ts"
export * from "./json/json-path.ts"
export * from "./json/parse.ts"
export { duplicateKeys } from "./json/syntax.ts"
export * from "./managed-fields/index.ts"
export * from "./objects/conditions.ts"
export * from "./objects/copy.ts"
export * from "./objects/equality.ts"
export * from "./objects/generate-name.ts"
export * from "./objects/owners.ts"
export * from "./objects/time.ts"
export { applyJsonPatch, type JsonPatchOperation } from "./patch/json-patch.ts"
export * from "./patch/merge-patch.ts"
export * from "./patch/parse-patch.ts"
export { createStrategicPatch } from "./patch/strategic-diff.ts"
export { applyStrategicPatch } from "./patch/strategic-merge.ts"
export * from "./protobuf/encode.ts"
export { openProtobuf, protobufBodyValue, readProtobuf } from "./protobuf/envelope.ts"
export { ProtobufError } from "./protobuf/reader.ts"
export * from "./quantity.ts"
export * from "./resource.ts"
export * from "./schema.ts"
export * from "./selectors/field-selector.ts"
export * from "./selectors/label-selector.ts"
export * from "./selectors/parse.ts"
export {
  everythingSelector,
  type LabelMap,
  newSelector,
  nothingSelector,
  type Requirement,
  type Selector,
  type SelectorOperator,
} from "./selectors/requirement.ts"
export * from "./status.ts"
export * from "./structural/index.ts"
export * from "./validation/names.ts"
export * from "./validation/object-meta.ts"
