import { CelError } from "../../runtime/errors.ts"
import { LiteralMap, type TypedValue } from "../../runtime/values.ts"
import { opaqueType } from "../../types.ts"
import { define, type Overload, traverse } from "../overload.ts"

const name = "kubernetes.URL"

class CelUrl implements TypedValue {
  readonly celType = opaqueType(name)
  readonly text: string
  readonly url: URL
  /** Whether the text was a path without scheme and host. */
  readonly isPath: boolean
  constructor(text: string, url: URL, isPath: boolean) {
    this.text = text
    this.url = url
    this.isPath = isPath
  }
  equals(other: unknown): boolean {
    return other instanceof CelUrl && other.text === this.text
  }
}

/** A URL with a scheme, or an absolute path, and undefined for anything else. */
function parsed(text: string): CelUrl | undefined {
  if (/[\s\p{Cc}]/u.test(text) && !/^[^?]*\?/.test(text)) return undefined
  if (text.startsWith("/")) {
    const url = URL.parse(text.startsWith("//") ? `http:${text}` : `http://none${text}`)
    return url ? new CelUrl(text, url, true) : undefined
  }
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)) return undefined
  const port = /^[^:]+:\/\/[^/?#]*:(\d+)/.exec(text)?.[1]
  if (port && Number(port) > 65535) return undefined
  const url = URL.parse(text)
  return url ? new CelUrl(text, url, false) : undefined
}

function url(text: string): CelUrl {
  const found = parsed(text)
  if (!found)
    throw new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI`)
  return found
}

/** The host with its port as they were written: the parser would drop a default port. */
function hostOf({ text, isPath }: CelUrl): string {
  if (isPath) return ""
  const authority = /^[^:]+:\/\/([^/?#]*)/.exec(text)?.[1] ?? ""
  return authority.slice(authority.lastIndexOf("@") + 1)
}

const portOf = (value: CelUrl): string => /:(\d+)$/.exec(hostOf(value))?.[1] ?? ""
const hostName = (value: CelUrl): string =>
  hostOf(value)
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1")

function queryOf({ url: { searchParams } }: CelUrl): LiteralMap {
  const map = new LiteralMap()
  for (const key of new Set(searchParams.keys())) map.put(key, searchParams.getAll(key))
  return map
}

const escapedPath = ({ text, isPath }: CelUrl): string =>
  (isPath ? text : text.replace(/^[^:]+:(\/\/[^/?#]*)?/, "")).replace(/[?#].*$/, "")

const along = { cost: ([size = 0]: readonly number[]) => Math.max(1, traverse(size)) }

/** URLs. */
export const urlFunctions: readonly Overload[] = [
  define(`url(string): ${name}`, url, along),
  define("isURL(string): bool", (text: string) => parsed(text) !== undefined, along),
  define(`${name}:getScheme(): string`, (value: CelUrl) => (value.isPath ? "" : value.url.protocol.slice(0, -1))),
  define(`${name}:getHost(): string`, hostOf),
  define(`${name}:getHostname(): string`, hostName),
  define(`${name}:getPort(): string`, portOf),
  define(`${name}:getEscapedPath(): string`, escapedPath),
  define(`${name}:getQuery(): map<string, list<string>>`, queryOf),
]
