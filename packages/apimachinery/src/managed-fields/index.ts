export { type Applied, type ApplyOptions, applyConfiguration } from "./apply.ts"
export { type Comparison, compareObjects } from "./compare.ts"
export { fieldSetOf, validateConfiguration } from "./configuration.ts"
export { decodeManaged, encodeManaged, type Managed, maxUpdateManagers } from "./entries.ts"
export {
  canonicalSet,
  differenceSets,
  emptySet,
  equalSets,
  type FieldSet,
  hasPath,
  intersectSets,
  isEmptySet,
  membersOf,
  pathSet,
  unionSets,
} from "./field-set.ts"
export { deducedType, type FieldType, fieldTypeOf } from "./field-type.ts"
export { lastAppliedAnnotation } from "./last-applied.ts"
export { mergeConfiguration } from "./merge.ts"
export { nothingOf, type OwnershipContext, recordUpdate, type VersionedObject } from "./ownership.ts"
export { pathText } from "./path-element.ts"
export { managedFromScale, managedOfScale } from "./scale.ts"
export { managedFieldsText } from "./shared-sets.ts"
