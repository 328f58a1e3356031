export { structuralFieldType } from "./field-type.ts"
export { isOfFormat } from "./formats.ts"
export { compilePattern } from "./pattern.ts"
export {
  isJsonObject,
  itemsOf,
  type JsonObject,
  type JsonSchemaProps,
  propertyOf,
  type ValidationRule,
  valuesOf,
} from "./schema.ts"
export { applyDefaults, prunedValue, shapedObject, structuralDecoder } from "./shape.ts"
export { correlatedItems, validateStructural } from "./validate.ts"
