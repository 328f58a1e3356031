import type { ManagedFieldsEntry } from "../generated/metav1.ts"
import { parseTime } from "../objects/time.ts"
import type { KubeObject } from "../resource.ts"
import { type FieldSet, isEmptySet, unionSets } from "./field-set.ts"

/** How many entries of updates are kept apart. */
export const maxUpdateManagers = 10
const oldUpdatesManager = "ancient-changes"

/** One manager's share of an object. Never written to. */
export interface Managed {
  readonly manager: string
  readonly operation: "Apply" | "Update"
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly fields: FieldSet
}

/** Managers are the same when this is: appliers whatever version they apply in. */
export function identityOf(entry: Omit<Managed, "time" | "fields">): string {
  const version = entry.operation === "Apply" ? "" : entry.apiVersion
  return `${entry.operation}\n${entry.subresource}\n${version}\n${entry.manager}`
}

/** Throws an Error for what is no valid list of managers; `isTrusted` lists were written by this server. */
export function decodeManaged(entries: readonly ManagedFieldsEntry[], isTrusted = false): Map<string, Managed> {
  const found = new Map<string, Managed>()
  entries.forEach((entry, index) => {
    const { operation, apiVersion, fieldsType } = entry
    if (operation !== "Apply" && operation !== "Update") throw new Error("operation must be `Apply` or `Update`")
    if (!apiVersion) throw new Error("apiVersion must not be empty")
    if (!fieldsType) throw new Error(`missing fieldsType in managed fields entry ${index}`)
    if (fieldsType !== "FieldsV1") {
      throw new Error(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`)
    }
    const fields = (entry.fieldsV1 ?? {}) as FieldSet
    if (!isTrusted) checkFields(fields)
    const managed: Managed = {
      manager: entry.manager ?? "",
      operation,
      apiVersion,
      subresource: entry.subresource ?? "",
      time: entry.time,
      fields,
    }
    found.set(identityOf(managed), managed)
  })
  return found
}

function checkFields(set: unknown, depth = 0): void {
  if (typeof set !== "object" || set === null || Array.isArray(set)) throw new Error("expected an object of fields")
  if (depth > 100) throw new Error("exceeded max depth")
  for (const key of Object.keys(set)) {
    if (key !== ".") checkElement(key)
    checkFields((set as FieldSet)[key], depth + 1)
  }
}

function checkElement(key: string): void {
  const rest = key.slice(2)
  if (key[1] !== ":") throw new Error(`missing colon: ${JSON.stringify(key)}`)
  switch (key[0]) {
    case "f":
      return
    case "i":
      if (/^-?\d+$/.test(rest)) return
      break
    case "v":
      JSON.parse(rest)
      return
    case "k": {
      const keys: unknown = JSON.parse(rest)
      if (typeof keys === "object" && keys !== null && !Array.isArray(keys)) return
    }
  }
  throw new Error(`cannot read path element ${JSON.stringify(key)}`)
}

/** What an object carries, by identity; nothing when that is damaged. */
export function managedOf(object: KubeObject | undefined): Map<string, Managed> {
  const entries = object?.metadata.managedFields
  if (!entries || entries.length === 0) return new Map()
  try {
    return decodeManaged(entries, Object.isFrozen(entries))
  } catch {
    return new Map()
  }
}

/** Times as the server writes them stand in their order as texts. */
const isPlain = (time: string | undefined): boolean => time?.length === 20

const secondsOf = (time: string | undefined): number => Math.floor((parseTime(time) ?? 0) / 1000)

/** The entries as they are sent: in the order of the API; undefined when nobody owns anything. */
export function encodeManaged(managed: Iterable<Managed>): ManagedFieldsEntry[] | undefined {
  const sorted = [...managed].sort(compareManaged)
  if (sorted.length === 0) return undefined
  return sorted.map((entry) => ({
    manager: entry.manager,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    ...(entry.time === undefined ? {} : { time: entry.time }),
    fieldsType: "FieldsV1",
    fieldsV1: entry.fields as NonNullable<ManagedFieldsEntry["fieldsV1"]>,
    ...(entry.subresource ? { subresource: entry.subresource } : {}),
  }))
}

function compareManaged(a: Managed, b: Managed): number {
  if (a.operation !== b.operation) return a.operation < b.operation ? -1 : 1
  if (a.time !== b.time) {
    const isQuick = isPlain(a.time) && isPlain(b.time)
    const order = isQuick ? compareTexts(a.time ?? "", b.time ?? "") : secondsOf(a.time) - secondsOf(b.time)
    if (order !== 0) return order
  }
  return (
    compareTexts(a.manager, b.manager) ||
    compareTexts(a.apiVersion, b.apiVersion) ||
    compareTexts(a.subresource, b.subresource)
  )
}

const compareTexts = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

/** Throws the oldest updates together, a bucket for each version, until there are few enough managers. */
export function capManaged(managed: Map<string, Managed>): void {
  const updaters = [...managed].filter(([, entry]) => entry.operation === "Update")
  let count = updaters.length
  if (count <= maxUpdateManagers) return
  updaters.sort(([a, left], [b, right]) => secondsOf(left.time) - secondsOf(right.time) || compareTexts(a, b))
  const firsts = new Map<string, string>()
  for (const [identity, entry] of updaters) {
    if (count <= maxUpdateManagers) return
    const { apiVersion, time } = entry
    const first = firsts.get(apiVersion)
    if (first === undefined) {
      firsts.set(apiVersion, identity)
      continue
    }
    const bucket = { manager: oldUpdatesManager, operation: "Update", apiVersion, subresource: "" } as const
    const bucketIdentity = identityOf(bucket)
    const before = managed.get(bucketIdentity) ?? managed.get(first)
    if (!managed.has(bucketIdentity)) managed.delete(first)
    managed.delete(identity)
    // The time is that of the later update.
    managed.set(bucketIdentity, { ...bucket, time, fields: unionSets(entry.fields, before?.fields ?? {}) })
    count--
  }
}

/** Puts a manager's share in, or takes it out when that is nothing. */
export function putManaged(managed: Map<string, Managed>, identity: string, entry: Managed): void {
  if (isEmptySet(entry.fields)) managed.delete(identity)
  else managed.set(identity, entry)
}
