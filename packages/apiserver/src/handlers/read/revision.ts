import { fieldError, newStatusError, statusError } from "@ladya/apimachinery"

/** A `resourceVersion` parameter: undefined when none was given, 0 for "any". Throws a 400 Status for what is none. */
export function parseRevision(text: string | undefined | null): number | undefined {
  if (text === undefined || text === null || text === "") return undefined
  if (!/^\d{1,16}$/.test(text)) {
    throw statusError.invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", [
      fieldError.invalid("resourceVersion", text, `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`),
    ])
  }
  return Number(text)
}

/** 410 for a version that is not remembered any more. */
export function expiredError(revision: number, oldest: number) {
  return newStatusError("Expired", `too old resource version: ${revision} (${oldest})`)
}
