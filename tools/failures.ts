import { relative } from "node:path"
import type { TestEvent } from "node:test/reporters"

const linesEach = 16

/** The error's own words, without the frames and fields around them. */
function errorLines(error: unknown): string[] {
  const cause = (error as { cause?: unknown } | undefined)?.cause ?? error
  const { message, stack } = (cause ?? {}) as { message?: string; stack?: string }
  const frame = stack?.split("\n").find((line) => /^\s+at .*\.ts:\d+/.test(line) && !line.includes("node_modules"))
  const lines = (message ?? String(cause)).split("\n").filter((line) => line.trim() !== "")
  const shown = lines.slice(0, linesEach).map((line) => line.slice(0, 600))
  if (lines.length > linesEach) shown.push(`… ${lines.length - linesEach} more lines`)
  return frame ? [...shown, frame.trim().replace(`file://${process.cwd()}/`, "")] : shown
}

/** A reporter of node:test: what failed and why, in few lines; nothing when all is well. */
async function* failures(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== "test:fail" || event.data.todo || event.data.skip) continue
    const { name, file, line, details } = event.data
    const { failureType } = details.error as { failureType?: string }
    // The tests in it that failed are told of themselves.
    if (failureType === "subtestsFailed") continue
    const place = file ? `${relative(process.cwd(), file)}:${line}` : ""
    yield [`✖ ${name} (${place})`, ...errorLines(details.error).map((text) => `    ${text}`), ""].join("\n")
  }
}

// node:test takes a reporter from here alone.
export default failures
