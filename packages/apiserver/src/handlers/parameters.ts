import { type FieldError, fieldError, StatusError, statusError } from "@ladya/apimachinery"
import type { ApiRequest } from "../request.ts"
import { isTrue } from "../request-info.ts"
import { foreignValue } from "./encoding/body.ts"
import type { ListOptions } from "./read/list.ts"
import type { WatchOptions } from "./watch/watch.ts"
import type { DeleteOptions } from "./write/delete.ts"

const text = (query: URLSearchParams, name: string): string | undefined => query.get(name) ?? undefined

function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null || value === "") return undefined
  if (!/^-?\d{1,15}$/.test(value)) {
    throw statusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`)
  }
  return Number(value)
}

export function listOptions(query: URLSearchParams): ListOptions {
  return {
    labelSelector: text(query, "labelSelector"),
    fieldSelector: text(query, "fieldSelector"),
    limit: integer(query, "limit"),
    continue: text(query, "continue"),
    resourceVersion: text(query, "resourceVersion"),
    resourceVersionMatch: text(query, "resourceVersionMatch"),
  }
}

export function watchOptions(query: URLSearchParams): WatchOptions & { timeoutSeconds: number | undefined } {
  const initial = query.get("sendInitialEvents")
  return {
    labelSelector: text(query, "labelSelector"),
    fieldSelector: text(query, "fieldSelector"),
    resourceVersion: text(query, "resourceVersion"),
    resourceVersionMatch: text(query, "resourceVersionMatch"),
    sendInitialEvents: initial === null ? undefined : isTrue(initial),
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    timeoutSeconds: integer(query, "timeoutSeconds"),
  }
}

export interface WriteParameters {
  dryRun: boolean
  fieldManager: string
  fieldValidation: "Strict" | "Warn" | "Ignore"
}

/** Throws a 400 or 422 Status for what the API does not know. */
export function writeParameters(request: Pick<ApiRequest, "info" | "query" | "headers">): WriteParameters {
  const { query } = request
  const userAgent = request.headers["user-agent"]
  if (query.size === 0) return { dryRun: false, fieldManager: managerOf(userAgent), fieldValidation: "Warn" }
  const optionsKind = optionsKinds[request.info.verb] ?? "CreateOptions"
  const validation = query.get("fieldValidation") || "Warn"
  const dryRun = query.getAll("dryRun")
  // What a patch says of its manager is looked at with what it says of force.
  const errors = optionsKind === "PatchOptions" ? [] : managerErrors(query.get("fieldManager") ?? "")
  errors.push(...dryRunErrors(dryRun))
  if (!isFieldValidation(validation)) {
    errors.push(fieldError.notSupported("fieldValidation", validation, ["", ...fieldValidations]))
  }
  if (errors.length > 0 || !isFieldValidation(validation)) throw badOptions(optionsKind, errors)
  return {
    dryRun: dryRun.length > 0,
    fieldManager: query.get("fieldManager") || managerOf(userAgent),
    fieldValidation: validation,
  }
}

const fieldValidations = ["Ignore", "Strict", "Warn"] as const

function isFieldValidation(text: string): text is WriteParameters["fieldValidation"] {
  return (fieldValidations as readonly string[]).includes(text)
}

const maxManagerBytes = 128

/** Whether an apply takes fields from others. Throws a 422 Status for what only applying has, or what it must have. */
export function patchForce(query: URLSearchParams, isApply: boolean): boolean {
  const force = query.get("force")
  const errors: FieldError[] = []
  if (!isApply && force !== null) errors.push(fieldError.forbidden("force", "may not be specified for non-apply patch"))
  if (isApply && !query.get("fieldManager"))
    errors.push(fieldError.required("fieldManager", "is required for apply patch"))
  errors.push(...managerErrors(query.get("fieldManager") ?? ""))
  if (errors.length > 0) throw statusError.invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", errors)
  return isTrue(force)
}

function managerErrors(manager: string): FieldError[] {
  const errors: FieldError[] = []
  if (Buffer.byteLength(manager) > maxManagerBytes) errors.push(fieldError.tooLong("fieldManager", maxManagerBytes))
  let position = 0
  for (const character of manager) {
    if (!isPrintable(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")
      errors.push(fieldError.invalid("fieldManager", manager, `invalid character U+${code} (at position ${position})`))
    }
    position += Buffer.byteLength(character)
  }
  return errors
}

const isPrintable = (character: string): boolean =>
  character === " " || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)

/** What the options of a verb are called in errors. */
const optionsKinds: Readonly<Record<string, string>> = { update: "UpdateOptions", patch: "PatchOptions" }

export function isDryRun(values: readonly string[], optionsKind: string): boolean {
  const errors = dryRunErrors(values)
  if (errors.length > 0) throw badOptions(optionsKind, errors)
  return values.length > 0
}

function dryRunErrors(values: readonly string[]): FieldError[] {
  return values.every((value) => value === "All") ? [] : [fieldError.notSupported("dryRun", values, ["All"])]
}

function badOptions(kind: string, errors: FieldError[]): StatusError {
  return statusError.invalid({ group: "meta.k8s.io", kind }, "", errors)
}

// Without a field manager the client's program name stands in, as everywhere in Kubernetes.
function managerOf(userAgent: string | undefined): string {
  const name = (userAgent ?? "").split("/")[0] ?? ""
  return /^[ -~]{1,128}$/.test(name)
    ? name
    : [...name].filter(isPrintable).join("").slice(0, maxManagerBytes) || "unknown"
}

/** Options of a deletion: from the query, or over it from a body. */
export async function deleteOptions(request: ApiRequest): Promise<DeleteOptions & { dryRun: boolean }> {
  const { query } = request
  const body = await request.body()
  if (body.length > 0) return optionsFromBody(body, request.headers["content-type"], query)
  const preconditions: { uid?: string; resourceVersion?: string } = {}
  return {
    gracePeriodSeconds: integer(query, "gracePeriodSeconds"),
    propagationPolicy: text(query, "propagationPolicy"),
    orphanDependents: query.has("orphanDependents") ? isTrue(query.get("orphanDependents")) : undefined,
    preconditions,
    dryRun: isDryRun(query.getAll("dryRun"), "DeleteOptions"),
  }
}

const optionsType = { kind: "DeleteOptions", type: "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions" }

function optionsFromBody(
  body: Buffer,
  contentType: string | undefined,
  query: URLSearchParams,
): DeleteOptions & { dryRun: boolean } {
  let parsed: unknown
  try {
    parsed = foreignValue(contentType, body, optionsType) ?? JSON.parse(body.toString("utf8"))
  } catch (error) {
    if (error instanceof StatusError) throw error
    throw statusError.badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`)
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw statusError.badRequest("the body of a deletion must be DeleteOptions")
  }
  const options = parsed as Record<string, unknown>
  const wrong = (field: string, type: string): never => {
    throw statusError.badRequest(
      `json: cannot unmarshal ${Array.isArray(options[field]) ? "array" : typeof options[field]} into Go struct field DeleteOptions.${field} of type ${type}`,
    )
  }
  const optional = <T>(field: string, type: string, isType: (value: unknown) => value is T): T | undefined => {
    const value = options[field]
    if (value === undefined || value === null) return undefined
    return isType(value) ? value : wrong(field, type)
  }
  const kind = optional("kind", "string", isText) || "DeleteOptions"
  if (kind !== "DeleteOptions") {
    throw statusError.badRequest(`decoded object cannot be converted to DeleteOptions: it is a ${kind}`)
  }
  const dryRun = optional("dryRun", "[]string", isStrings) ?? []
  return {
    gracePeriodSeconds: optional("gracePeriodSeconds", "int64", Number.isSafeInteger as (v: unknown) => v is number),
    propagationPolicy: optional("propagationPolicy", "v1.DeletionPropagation", isText),
    orphanDependents: optional("orphanDependents", "bool", (value) => typeof value === "boolean"),
    preconditions: optional("preconditions", "v1.Preconditions", isPreconditions),
    dryRun: isDryRun(dryRun.length > 0 ? dryRun : query.getAll("dryRun"), "DeleteOptions"),
  }
}

const isText = (value: unknown): value is string => typeof value === "string"
const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText)

function isPreconditions(value: unknown): value is { uid?: string; resourceVersion?: string } {
  if (typeof value !== "object" || value === null) return false
  const { uid, resourceVersion } = value as Record<string, unknown>
  return [uid, resourceVersion].every((field) => field === undefined || field === null || isText(field))
}
