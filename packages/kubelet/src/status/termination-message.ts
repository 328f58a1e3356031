import { open, stat } from "node:fs/promises"
import type { ObservedContainer } from "../runtime/observed.ts"

/** What of a termination file is kept, in bytes. */
const fileLimit = 4096
const logLinesLimit = 80
const logBytesLimit = 2048

/** The last `bytes` of a file; empty when it cannot be read. */
async function tail(path: string, bytes: number): Promise<string> {
  try {
    const { size } = await stat(path)
    const handle = await open(path, "r")
    try {
      const length = Math.min(size, bytes)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length)
      return buffer.subarray(0, bytesRead).toString("utf8")
    } finally {
      await handle.close()
    }
  } catch {
    return ""
  }
}

/** The last lines of a log in the runtime's format, without its prefixes. */
function logText(raw: string): string {
  const text = raw
    .split("\n")
    .filter(Boolean)
    .map((line) => /^\S+ (?:stdout|stderr) ([FP])\S* ?(.*)$/s.exec(line))
    .filter((match) => match !== null)
    .map((match) => match[2] + (match[1] === "F" ? "\n" : ""))
    .join("")
  return text
    .split("\n")
    .slice(-logLinesLimit - 1)
    .join("\n")
    .slice(-logBytesLimit)
}

/** The last words of a container: what it wrote to its termination file, or the end of its log when it may be that. */
export async function terminationMessage(container: ObservedContainer): Promise<string> {
  const { terminationMessageFile: file, terminationMessagePolicy: policy, logPath, exitCode } = container
  const own = file ? await tail(file, fileLimit) : ""
  if (own !== "" || policy !== "FallbackToLogsOnError" || exitCode === 0) return own
  // Prefixes take room too: read more than is kept.
  return logText(await tail(logPath, 16 * 1024))
}
