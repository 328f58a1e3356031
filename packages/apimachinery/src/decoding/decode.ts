import { fieldError } from "../field-error.ts"
import { JsonError, parseJson } from "../json/parse.ts"
import { duplicateKeys } from "../json/syntax.ts"
import { apiVersionOf, type GroupVersionKind, type KubeObject, parseApiVersion } from "../resource.ts"
import type { SchemaSource } from "../schema.ts"
import { statusError } from "../status.ts"
import { TypeCompiler } from "./compile.ts"
import { DecodeContext, DecodeError, pathText } from "./context.ts"
import type { Decode } from "./scalars.ts"

/** What becomes of unknown and repeated fields: an error, warnings, or nothing. */
export type FieldValidation = "Strict" | "Warn" | "Ignore"

export interface DecodeOptions {
  /** Ignore unless told. */
  fieldValidation?: FieldValidation
  /** Where warnings go. */
  warnings?: string[]
}

const compilers = new WeakMap<SchemaSource, TypeCompiler>()

function compilerOf(source: SchemaSource): TypeCompiler {
  let compiler = compilers.get(source)
  if (!compiler) {
    compiler = new TypeCompiler(source)
    compilers.set(source, compiler)
  }
  return compiler
}

/**
 * Brings a JSON value into the shape of its type: unknown fields and nulls are dropped, texts made canonical, types and ranges
 * checked. Takes the value over and may change it. Throws a DecodeError. Required fields are for validation to miss.
 */
export function decodeValue(
  value: unknown,
  typeName: string,
  source: SchemaSource,
  options: DecodeOptions = {},
): unknown {
  return decodeWith(value, typeDecoder(typeName, source), options, [])
}

/** The decoder of a type. */
export function typeDecoder(typeName: string, source: SchemaSource): Decode {
  return compilerOf(source).type(typeName)
}

const decoderOf = (target: DecodeTarget, source: SchemaSource): Decode =>
  target.decode ?? typeDecoder(target.type, source)

function decodeWith(value: unknown, decode: Decode, options: DecodeOptions, repeated: readonly string[]): unknown {
  const validation = options.fieldValidation ?? "Ignore"
  const context = new DecodeContext(validation !== "Ignore")
  const result = decode(value ?? {}, context, undefined)
  if (context.unknown && context.unknown.length + repeated.length > 0) {
    const unknown = context.unknown
    const inside = (path: string, outer: string): boolean =>
      path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`)
    const problems = [
      ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
      ...repeated
        .filter((path) => !unknown.some((outer) => inside(path, outer)))
        .map((path) => `duplicate field ${JSON.stringify(path)}`),
    ]
    if (validation === "Strict") throw new DecodeError(`strict decoding error: ${problems.join(", ")}`)
    options.warnings?.push(...problems)
  }
  return result
}

const kindStruct =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'

function textOf(body: string | Uint8Array): string {
  return typeof body === "string" ? body : new TextDecoder().decode(body)
}

function repeatedFields(text: string, value: unknown, options: DecodeOptions): string[] {
  if ((options.fieldValidation ?? "Ignore") === "Ignore") return []
  return duplicateKeys(text, value).map(pathText)
}

/** Decodes a JSON text of this type. Throws a JsonError or a DecodeError, worded as the API words them. */
export function decodeObject<T = KubeObject>(
  body: string | Uint8Array,
  typeName: string,
  source: SchemaSource,
  options: DecodeOptions = {},
): T {
  const text = textOf(body)
  const value = parseJson(text)
  return decodeWith(value, typeDecoder(typeName, source), options, repeatedFields(text, value, options)) as T
}

/** What a request's body is to be. */
export interface DecodeTarget extends GroupVersionKind {
  /** The schema's full type name. */
  type: string
  /** Instead of the type's: that of a custom resource. */
  decode?: Decode
}

function summary(text: string): string {
  if (text === "") return "<empty>"
  const head = text.slice(0, 30)
  const shown = text.startsWith("{")
    ? head
    : [...new TextEncoder().encode(head)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
  return text.length > 30 ? `${shown} ...` : shown
}

/**
 * Decodes the body of a request that must hold `target`. An absent kind or apiVersion is filled in. Throws a 400 Status:
 * no JSON, another kind or version, wrong types, and with Strict unknown and repeated fields.
 * `parsed` is the value when the body was not JSON but YAML.
 */
export function decodeRequestObject<T extends KubeObject = KubeObject>(
  body: string | Uint8Array,
  target: DecodeTarget,
  source: SchemaSource,
  options: DecodeOptions & { parsed?: unknown } = {},
): T {
  const text = textOf(body)
  const unrecognized = (why: string): Error =>
    statusError.badRequest(
      `the object provided is unrecognized (must be of type ${target.kind}): couldn't get version/kind; json parse error: ${why} (${summary(text)})`,
    )
  let value: unknown
  try {
    value = options.parsed === undefined ? parseJson(text) : options.parsed
  } catch (error) {
    if (error instanceof JsonError) throw unrecognized(error.message)
    throw error
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    if (value !== null) throw unrecognized(new DecodeContext(false).mismatch(value, kindStruct, undefined).message)
    value = {}
  }
  const head = value as { kind?: unknown; apiVersion?: unknown }
  for (const field of ["kind", "apiVersion"] as const) {
    const found = head[field]
    if (found === undefined || found === null || typeof found === "string") continue
    throw unrecognized(
      new DecodeContext(false)
        .mismatch(found, "string", undefined)
        .message.replace("Go value", `Go struct field .${field}`),
    )
  }
  // Before the value is written to: it is held against the text.
  const repeated = options.parsed === undefined ? repeatedFields(text, value, options) : []
  checkKind(head as { kind?: string; apiVersion?: string }, target)
  try {
    const result = decodeWith(value, decoderOf(target, source), options, repeated) as Record<string, unknown>
    result["kind"] ??= target.kind
    result["apiVersion"] ??= apiVersionOf(target)
    result["metadata"] ??= {}
    return result as unknown as T
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw statusError.badRequest(
      `${target.kind} in version ${JSON.stringify(target.version)} cannot be handled as a ${target.kind}: ${error.message}`,
    )
  }
}

function checkKind(head: { kind?: string; apiVersion?: string }, target: DecodeTarget): void {
  // An empty text is an absent one.
  if (!head.kind) head.kind = target.kind
  if (!head.apiVersion) head.apiVersion = apiVersionOf(target)
  if (head.apiVersion !== apiVersionOf(target)) {
    throw statusError.badRequest(
      `the API version in the data (${head.apiVersion}) does not match the expected API version (${apiVersionOf(target)})`,
    )
  }
  if (head.kind !== target.kind) {
    const { version } = parseApiVersion(head.apiVersion)
    throw statusError.badRequest(
      `${head.kind} in version ${JSON.stringify(version)} cannot be handled as a ${target.kind}: no kind ${JSON.stringify(head.kind)} is registered for this resource in version ${JSON.stringify(head.apiVersion)}`,
    )
  }
}

/**
 * Decodes what a patch made of an object; takes the value over. `patch` is its text, for the error.
 * Throws a 422 Status as the API does, where a request's own body would be a 400.
 */
export function decodePatchedObject<T extends KubeObject = KubeObject>(
  value: unknown,
  patch: string,
  target: DecodeTarget,
  source: SchemaSource,
  options: DecodeOptions = {},
): T {
  try {
    const result = decodeWith(value, decoderOf(target, source), options, []) as KubeObject
    // What an object is does not change with its content.
    result.kind = target.kind
    result.apiVersion = apiVersionOf(target)
    result.metadata ??= {}
    return result as T
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw statusError.invalid({ group: "", kind: "" }, "", [fieldError.invalid("patch", patch, error.message)])
  }
}
