import type { KindDefinition } from "@ladya/api"
import { fieldError, newStatusError, type StatusError, statusError } from "@ladya/apimachinery"
import { CompactedError, FutureRevisionError, type Store } from "@ladya/store"
import { Entry } from "../../storage/entry.ts"
import type { ResourceStorage } from "../../storage/resource-storage.ts"
import { newSelection, type Selection } from "../../storage/selection.ts"
import type { ListForm } from "../../storage/slot-blocks.ts"
import { tooLarge } from "../../storage/store-feed.ts"
import { type ListMetadata, type Operation, type Result, storageOf } from "../operation.ts"
import { selectionOf } from "../selection.ts"
import { entriesIn } from "../versions.ts"
import { type ContinueToken, decodeContinue, encodeContinue } from "./continue-token.ts"
import { parseRevision } from "./revision.ts"

export interface ListOptions {
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  limit?: number | undefined
  continue?: string | undefined
  resourceVersion?: string | undefined
  resourceVersionMatch?: string | undefined
  /** The objects are wanted in the version they are kept in, as bytes of this form. */
  form?: ListForm | undefined
}

/** Where a webhook converts, fields are looked at in the version that is asked for. */
function withoutFields(kind: KindDefinition, selection: Selection): Selection {
  if (!kind.custom?.convert || !selection.fields) return selection
  const { namespace, name, labels } = selection
  const parts = { namespace, ...(name === undefined ? {} : { name }), labelSelector: labels?.toString() }
  return newSelection(kind, parts)
}

interface Page {
  entries: Entry[]
  /** Instead of entries, when bytes are wanted and at hand. */
  chunks?: readonly Buffer[]
  /** The state shown. */
  revision: number
  /** The key of the last entry looked at, when more come behind it. */
  next: string | undefined
  remaining: number
}

/** The objects that a selection chooses, as of one revision. */
export async function listObjects(store: Store, operation: Operation, options: ListOptions): Promise<Result> {
  const storage = storageOf(operation)
  checkOptions(options)
  const { kind } = operation.resource
  const selection = selectionOf(operation, options)
  const token = options.continue ? decodeContinue(options.continue) : undefined
  const page = await readPage(store, storage, withoutFields(kind, selection), options, token)
  if (kind.custom?.convert && selection.fields) {
    // A page may hold fewer than its limit: what does not match is known only after the conversion.
    page.entries = (await entriesIn(kind, page.entries)).filter((entry) => selection.matches(entry))
  }
  const metadata: ListMetadata = { resourceVersion: String(page.revision) }
  if (page.next !== undefined) {
    metadata.continue = encodeContinue({ revision: page.revision, after: page.next })
    // How many of the rest would match a selector is not known.
    if (selection.everything) metadata.remainingItemCount = page.remaining
  }
  if (page.chunks) return { type: "encoded list", form: options.form ?? "json", chunks: page.chunks, metadata }
  return { type: "list", entries: page.entries, metadata }
}

async function readPage(
  store: Store,
  storage: ResourceStorage,
  selection: Selection,
  options: ListOptions,
  token: ContinueToken | undefined,
): Promise<Page> {
  const limit = options.limit || undefined
  if (token) {
    await storage.fresh()
    const { after } = token
    if (token.revision === undefined || isUnchangedSince(storage, token.revision)) {
      if (token.revision !== undefined) await checkNotCompacted(store, storage, token.revision, after)
      return fromCache(storage, selection, limit, after, token.revision, options.form)
    }
    return fromStore(store, storage, selection, limit, after, token.revision)
  }
  const revision = parseRevision(options.resourceVersion)
  if (revision === undefined) await storage.fresh()
  else if (revision === 0) await storage.notOlderThan(0)
  else {
    const isExact = options.resourceVersionMatch ? options.resourceVersionMatch === "Exact" : limit !== undefined
    await storage.notOlderThan(revision)
    if (isExact && storage.cache.revision !== revision) {
      if (isUnchangedSince(storage, revision))
        return fromCache(storage, selection, limit, undefined, revision, options.form)
      return fromStore(store, storage, selection, limit, undefined, revision)
    }
  }
  return fromCache(storage, selection, limit, undefined, undefined, options.form)
}

/** A page of a state that is forgotten is refused, though this resource be unchanged since. */
async function checkNotCompacted(store: Store, storage: ResourceStorage, revision: number, after: string) {
  try {
    await store.get(storage.shape.prefix, { revision })
  } catch (error) {
    throw readError(error, storage, after)
  }
}

/** Whether the cache shows of this resource just what stood at that revision. */
function isUnchangedSince(storage: ResourceStorage, revision: number): boolean {
  return storage.cache.lastChange <= revision && revision <= storage.cache.revision
}

function fromCache(
  storage: ResourceStorage,
  selection: Selection,
  limit: number | undefined,
  after: string | undefined,
  revision: number | undefined,
  form: ListForm | undefined,
): Page {
  const { cache } = storage
  const page: Page = { entries: [], revision: revision ?? cache.revision, next: undefined, remaining: 0 }
  if (form && selection.everything) {
    const { chunks, last, remaining } = cache.encode(selection.namespace, after, limit, form)
    return { ...page, chunks, next: last, remaining }
  }
  if (form && selection.equals?.isAll && selection.name === undefined && limit === undefined && after === undefined) {
    const chunks = cache.encodeEqual(selection.namespace, selection.equals, form)
    if (chunks) return { ...page, chunks }
  }
  for (const entry of cache.scan(selection, after)) {
    if (limit !== undefined && page.entries.length === limit) {
      if (!selection.everything) {
        if (!selection.matches(entry)) continue
        page.next = page.entries.at(-1)?.key
        return page
      }
      page.next = page.entries.at(-1)?.key
      page.remaining++
      continue
    }
    if (selection.everything || selection.matches(entry)) page.entries.push(entry)
  }
  return page
}

const storePage = 500

async function fromStore(
  store: Store,
  storage: ResourceStorage,
  selection: Selection,
  limit: number | undefined,
  after: string | undefined,
  revision: number,
): Promise<Page> {
  const { shape } = storage
  const prefix = shape.prefix + (selection.namespace ? `${selection.namespace}/` : "")
  const page: Page = { entries: [], revision, next: undefined, remaining: 0 }
  let from = after
  for (;;) {
    const wanted = limit === undefined ? storePage : Math.max(limit - page.entries.length, 1)
    const result = await store
      .list({
        prefix,
        revision,
        limit: selection.everything ? wanted : Math.max(wanted, storePage),
        ...(from === undefined ? {} : { after: shape.prefix + from }),
      })
      .catch((error: unknown) => {
        throw readError(error, storage, after)
      })
    for (const [index, kv] of result.items.entries()) {
      const entry = Entry.of(shape, kv)
      from = entry.key
      if (!selection.matches(entry)) continue
      page.entries.push(entry)
      if (page.entries.length !== limit) continue
      page.remaining = result.items.length - index - 1 + result.remaining
      if (page.remaining > 0) page.next = from
      return page
    }
    if (result.remaining === 0 || result.items.length === 0) return page
  }
}

function readError(error: unknown, storage: ResourceStorage, after: string | undefined): unknown {
  if (error instanceof FutureRevisionError) return tooLarge(Number.NaN, error.currentRevision)
  if (!(error instanceof CompactedError)) return error
  if (after === undefined) return newStatusError("Expired", "The resourceVersion for the provided list is too old.")
  return inconsistentContinue(storage.cache.revision, after)
}

/** 410 with a token that goes on at the present instead. */
function inconsistentContinue(revision: number, after: string): StatusError {
  const error = newStatusError(
    "Expired",
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
  )
  error.status.metadata = {
    resourceVersion: String(revision),
    continue: encodeContinue({ revision: undefined, after }),
  }
  return error
}

function checkOptions(options: ListOptions): void {
  const match = options.resourceVersionMatch
  if (options.limit !== undefined && (options.limit < 0 || !Number.isSafeInteger(options.limit))) {
    throw statusError.badRequest(`limit must be a whole number that is not negative`)
  }
  if (options.continue && options.resourceVersion && options.resourceVersion !== "0") {
    throw statusError.badRequest("specifying resource version is not allowed when using continue")
  }
  if (!match) return
  const errors = []
  if (options.continue) {
    errors.push(
      fieldError.forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"),
    )
  } else if (!options.resourceVersion) {
    errors.push(
      fieldError.forbidden(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden unless resourceVersion is provided",
      ),
    )
  } else if (match !== "Exact" && match !== "NotOlderThan") {
    errors.push(fieldError.notSupported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]))
  } else if (match === "Exact" && options.resourceVersion === "0") {
    errors.push(
      fieldError.forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    )
  }
  if (errors.length > 0) throw statusError.invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors)
}
