import { schemaSource } from "@ladya/api"
import {
  type DecodeOptions,
  type DecodeTarget,
  decodeRequestObject,
  type KubeObject,
  ProtobufError,
  protobufBodyValue,
  statusError,
} from "@ladya/apimachinery"
import type { ApiRequest } from "../../request.ts"
import { bodyType, unreadable } from "./media-type.ts"
import { readYaml, type YamlValue } from "./yaml.ts"

/** The value of a YAML body. Throws a 400 Status. */
function yamlValue(body: Buffer, strictness: Strictness): unknown {
  let read: YamlValue
  try {
    read = readYaml(body.toString("utf8"))
  } catch (error) {
    throw statusError.badRequest(`error converting YAML to JSON: yaml: ${(error as Error).message}`)
  }
  const { value, duplicates } = read
  if (!duplicates || !strictness.fieldValidation || strictness.fieldValidation === "Ignore") return value
  if (strictness.fieldValidation === "Strict") throw statusError.badRequest(`strict decoding error: ${duplicates}`)
  strictness.warnings?.push(duplicates)
  return value
}

function protobufValue(body: Buffer, target: { kind: string; type: string }): unknown {
  try {
    return protobufBodyValue(body, target, schemaSource)
  } catch (error) {
    if (error instanceof ProtobufError) throw statusError.badRequest(error.message)
    throw error
  }
}

/** Whether what is there twice is refused, or told. */
type Strictness = Pick<DecodeOptions, "fieldValidation" | "warnings">

/** The value of a body that is not JSON; undefined when it is. Throws 400 and 415 Statuses. */
export function foreignValue(
  contentType: string | undefined,
  body: Buffer,
  target: { kind: string; type: string; decode?: unknown },
  strictness: Strictness = {},
): unknown {
  const type = bodyType(contentType)
  if (type === "json") return undefined
  if (type === "protobuf" && target.decode) throw unreadable(["application/json", "application/yaml"])
  // An empty document is null in YAML, which is an empty object to the API.
  return (type === "yaml" ? yamlValue(body, strictness) : protobufValue(body, target)) ?? {}
}

/** The body as an object of the target's kind, private to the caller. Throws 400 and 415 Statuses. */
export async function decodeBody(
  request: ApiRequest,
  target: DecodeTarget,
  options: DecodeOptions,
): Promise<KubeObject> {
  const body = await request.body()
  const parsed = foreignValue(request.headers["content-type"], body, target, options)
  return decodeRequestObject(body, target, schemaSource, { ...options, parsed })
}
