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
import type { ApiRequest } from "../request.ts"
import type { Operation } from "./operation.ts"
import type { Patcher } from "./patch.ts"
import { decodeTarget } from "./types.ts"

/** The media types of patches that are taken, in the order they are named in errors. */
const formats: Readonly<Record<string, PatchFormat>> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
}

/** Reads the patch of a request. Throws 400 and 415 Statuses. */
export async function patcherOf(request: ApiRequest, operation: Operation, target?: DecodeTarget): Promise<Patcher> {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
  const format = Object.hasOwn(formats, type) ? formats[type] : undefined
  if (!format) {
    throw newStatusError(
      "UnsupportedMediaType",
      `the body of the request was in an unknown format - accepted media types include: ${Object.keys(formats).join(", ")}`,
    )
  }
  return newPatcher(operation, format, parsePatch(await request.body(), format), target)
}

/** Applies a patch to an object of the operation's kind and brings the outcome into the shape of its type. */
export function newPatcher(operation: Operation, format: PatchFormat, patch: unknown, target?: DecodeTarget): Patcher {
  const wanted = target ?? decodeTarget(operation)
  return (previous) => {
    const next = apply(previous, format, patch, wanted.type)
    return decodePatchedObject(next, JSON.stringify(patch), wanted, schemaSource, {
      fieldValidation: operation.fieldValidation,
      warnings: operation.warnings,
    })
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
