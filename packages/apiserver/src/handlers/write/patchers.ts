import { schemaSource } from "@ladya/api"
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicPatch,
  type DecodeTarget,
  decodePatchedObject,
  type KubeObject,
  newStatusError,
  type PatchFormat,
  parsePatch,
} from "@ladya/apimachinery"
import type { ApiRequest } from "../../request.ts"
import { decodeTarget } from "../encoding/types.ts"
import type { Operation } from "../operation.ts"
import { applyPatchType } from "./apply.ts"
import type { Patcher } from "./patch.ts"

/** The media types of patches that are taken, in the order they are named in errors. */
const formats: Readonly<Record<string, PatchFormat>> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
}

/** The media type of a request's patch. */
export function patchTypeOf(request: ApiRequest): string {
  return (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
}

/** Reads the patch of a request. Throws 400 and 415 Statuses. */
export async function patcherOf(request: ApiRequest, operation: Operation, target?: DecodeTarget): Promise<Patcher> {
  const type = patchTypeOf(request)
  const found = Object.hasOwn(formats, type) ? formats[type] : undefined
  const isStrategic = (target ?? decodeTarget(operation)).decode === undefined
  const format = found === "strategic" && !isStrategic ? undefined : found
  if (!format) {
    const taken = Object.keys(formats).filter((name) => isStrategic || formats[name] !== "strategic")
    throw newStatusError(
      "UnsupportedMediaType",
      `the body of the request was in an unknown format - accepted media types include: ${[...taken, applyPatchType].join(", ")}`,
    )
  }
  return newPatcher(operation, format, parsePatch(await request.body(), format), target)
}

/** Applies a patch to an object of the operation's kind and brings the outcome into the shape of its type. */
export function newPatcher(operation: Operation, format: PatchFormat, patch: unknown, target?: DecodeTarget): Patcher {
  const wanted = target ?? decodeTarget(operation)
  const text = JSON.stringify(patch)
  const isKept = !text.includes("managedFields") && !(format === "json" && /"(path|from)":"(\/metadata)?"/.test(text))
  return (previous) => {
    const { managedFields, ...metadata } = previous.metadata
    // Who owns what is long and mostly not what is patched: it is not copied then.
    const start = isKept ? { ...previous, metadata } : previous
    const next = apply(start, format, patch, wanted.type)
    const decoded = decodePatchedObject(next, text, wanted, schemaSource, {
      fieldValidation: operation.fieldValidation,
      warnings: operation.warnings,
    })
    if (isKept && managedFields) decoded.metadata.managedFields = managedFields
    return decoded
  }
}

function apply(previous: KubeObject, format: PatchFormat, patch: unknown, type: string): unknown {
  switch (format) {
    case "json":
      return applyJsonPatch(previous, patch)
    case "merge":
      return applyMergePatch(previous, patch)
    case "strategic":
      return applyStrategicPatch(previous, patch, type, schemaSource)
  }
}
