import { parseTime } from "@ladya/apimachinery"

/** What of a log is wanted, and how. */
export interface LogOptions {
  follow: boolean
  previous: boolean
  timestamps: boolean
  /** Only lines from this time on, in milliseconds since the epoch; its fraction counts. */
  sinceMs: number | undefined
  /** Only so many last lines. */
  tailLines: number | undefined
  /** Ends after so many bytes. */
  limitBytes: number | undefined
  stream: "All" | "Stdout" | "Stderr"
}

/** The request's parameters are wrong. */
export class LogOptionsError extends Error {
  override name = "LogOptionsError"
}

function integer(query: URLSearchParams, name: string, least: number): number | undefined {
  const text = query.get(name)
  if (text === null || text === "") return undefined
  if (!/^-?\d+$/.test(text)) throw new LogOptionsError(`${name} must be an integer`)
  const value = Number(text)
  if (value < least) throw new LogOptionsError(`${name} must be greater than or equal to ${least}`)
  return value
}

const isTrue = (text: string | null): boolean => text !== null && /^(|1|t|true)$/i.test(text)

/** Reads the parameters of PodLogOptions. Throws a LogOptionsError. */
export function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const sinceSeconds = integer(query, "sinceSeconds", 1)
  const sinceTime = query.get("sinceTime") || undefined
  if (sinceSeconds !== undefined && sinceTime) {
    throw new LogOptionsError("at most one of `sinceTime` or `sinceSeconds` may be specified")
  }
  const since = sinceTime ? parseTime(sinceTime) : undefined
  if (sinceTime && since === undefined) throw new LogOptionsError("sinceTime must be a time as RFC 3339 writes it")
  const stream = query.get("stream") || "All"
  if (stream !== "All" && stream !== "Stdout" && stream !== "Stderr") {
    throw new LogOptionsError('stream must be one of "All", "Stdout", "Stderr"')
  }
  const tailLines = integer(query, "tailLines", 0)
  if (tailLines !== undefined && stream !== "All") {
    throw new LogOptionsError("`tailLines` and specific `stream` are mutually exclusive for now")
  }
  return {
    follow: isTrue(query.get("follow")),
    previous: isTrue(query.get("previous")),
    timestamps: isTrue(query.get("timestamps")),
    sinceMs: sinceSeconds !== undefined ? nowMs - sinceSeconds * 1000 : since,
    tailLines,
    limitBytes: integer(query, "limitBytes", 1),
    stream,
  }
}
