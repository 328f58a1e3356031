import { mediaTypes } from "../handlers/encoding/media-type.ts"
import type { Operation } from "./operations.ts"

const { json, yaml, protobuf } = mediaTypes
const stream = ";stream=watch"

/** In what an operation is answered: custom resources have no protobuf form. */
export function producedTypes({ form, isCustom }: Operation): readonly string[] {
  switch (form) {
    case "object":
      return isCustom ? [json, yaml] : [json, protobuf, yaml]
    case "stream":
      return isCustom ? [json, json + stream, yaml] : [json, json + stream, protobuf, protobuf + stream, yaml]
    case "log":
      return [json, protobuf, yaml, "text/plain"]
    case "any":
      return ["*/*"]
  }
}

/** In what a patch comes. kubectl applies by a strategic merge what takes one. */
export function patchTypes({ isCustom }: Operation): readonly string[] {
  const types = ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"]
  return isCustom ? types : [...types, "application/strategic-merge-patch+json"]
}
