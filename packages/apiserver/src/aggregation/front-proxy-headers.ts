import type { UserInfo } from "../authentication/authenticator.ts"

/** The headers in which a front proxy tells a server behind it who makes the request, as that server's flags name them. */
export const userHeader = "X-Remote-User"
export const uidHeader = "X-Remote-Uid"
export const groupHeader = "X-Remote-Group"
export const extraHeaderPrefix = "X-Remote-Extra-"

/** Characters of RFC 9110's tokens; others, and the percent sign, are percent-encoded in the name of an extra header. */
const notToken = /[^!#$&'*+\-.^_`|~0-9A-Za-z]/g

function escapeKey(key: string): string {
  return key.replace(notToken, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  )
}

/** A control character would end the header. */
const clean = (values: readonly string[]): string[] => values.map((value) => value.replace(/[\r\n\0]/g, ""))

/** Who makes a request, as headers. */
export function frontProxyHeaders(user: UserInfo): Record<string, string[]> {
  const headers: Record<string, string[]> = { [userHeader]: clean([user.name]) }
  if (user.uid) headers[uidHeader] = clean([user.uid])
  if (user.groups.length > 0) headers[groupHeader] = clean(user.groups)
  for (const [key, values] of Object.entries(user.extra ?? {})) {
    headers[`${extraHeaderPrefix}${escapeKey(key)}`] = clean(values)
  }
  return headers
}

/** Reads them again. Undefined when no user is named. Names of `headers` are in lower case. */
export function userOfHeaders(headers: Readonly<Record<string, string | undefined>>): UserInfo | undefined {
  const name = headers[userHeader.toLowerCase()]?.trim()
  if (!name) return undefined
  const groups = listOf(headers[groupHeader.toLowerCase()])
  const uid = headers[uidHeader.toLowerCase()]?.trim()
  const prefix = extraHeaderPrefix.toLowerCase()
  const extra: Record<string, string[]> = {}
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(prefix)) extra[unescapeKey(header.slice(prefix.length))] = listOf(value)
  }
  return {
    name,
    groups: groups.includes("system:authenticated") ? groups : [...groups, "system:authenticated"],
    ...(uid ? { uid } : {}),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  }
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}

function listOf(value: string | undefined): string[] {
  return (value ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
}
