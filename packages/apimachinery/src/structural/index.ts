export { structuralFieldType } from "./field-type.ts"
export type { JsonSchemaProps } from "./schema.ts"
export { applyDefaults, structuralDecoder } from "./shape.ts"
export { validateStructural } from "./validate.ts"
