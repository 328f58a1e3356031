import { pino } from "pino"

/** Structured fields of one log line. Never put a secret, a token or a key in them. */
export type LogFields = Record<string, unknown>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger whose lines carry these fields too. */
  child(fields: LogFields): Logger
}

export interface LogOptions {
  level?: "debug" | "info" | "warn" | "error" | "silent"
  /** A file path; standard error unless told. */
  destination?: string
}

type Pino = ReturnType<typeof pino>

function wrap(inner: Pino): Logger {
  const prepare = (fields: LogFields | undefined): LogFields => {
    if (fields?.["error"] instanceof Error) {
      const { error, ...rest } = fields
      return { ...rest, err: error }
    }
    return fields ?? {}
  }
  return {
    debug: (message, fields) => inner.debug(prepare(fields), message),
    info: (message, fields) => inner.info(prepare(fields), message),
    warn: (message, fields) => inner.warn(prepare(fields), message),
    error: (message, fields) => inner.error(prepare(fields), message),
    child: (fields) => wrap(inner.child(fields)),
  }
}

/** A logger that writes one JSON object a line, with time, level, message and fields. */
export function newLogger(options: LogOptions = {}): Logger {
  const destination = pino.destination({ dest: options.destination ?? 2, sync: true, mkdir: true })
  return wrap(
    pino(
      {
        level: options.level ?? "info",
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination,
    ),
  )
}

/** A logger that says nothing: for tests. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
