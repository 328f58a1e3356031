import { statusError } from "@ladya/apimachinery"

/** Where a list goes on. */
export interface ContinueToken {
  /** The state that the first page showed; undefined when that is gone and the present has to do. */
  revision: number | undefined
  /** The key below the resource's prefix after which the next page begins. */
  after: string
}

const version = "meta.k8s.io/v1"

export function encodeContinue(token: ContinueToken): string {
  const json = JSON.stringify({ v: version, rv: token.revision ?? -1, start: `${token.after}\u0000` })
  return Buffer.from(json).toString("base64url")
}

/** Throws a 400 Status for what we did not write. */
export function decodeContinue(text: string): ContinueToken {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(text, "base64url").toString("utf8"))
  } catch {
    throw invalid("it is not a token of this server")
  }
  if (typeof parsed !== "object" || parsed === null) throw invalid("it is not a token of this server")
  const { v, rv, start } = parsed as Record<string, unknown>
  if (v !== version) throw invalid(`server does not recognize this encoded version ${JSON.stringify(v)}`)
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0 || rv < -1) {
    throw invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
  }
  if (typeof start !== "string" || start.length === 0) {
    throw invalid("encoded start key empty (version meta.k8s.io/v1)")
  }
  return { revision: rv === -1 ? undefined : rv, after: start.endsWith("\u0000") ? start.slice(0, -1) : start }
}

const invalid = (why: string) => statusError.badRequest(`continue key is not valid: ${why}`)
