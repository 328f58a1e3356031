import { systemClock } from "@ladya/util"

/** A line on standard output. */
export function print(text = ""): void {
  process.stdout.write(`${text}\n`)
}

/** A line on standard error. */
export function printError(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Says what is being done while it is done. */
export interface Progress {
  /** Runs `task`, and prints its name with how long it took. */
  step<T>(name: string, task: (detail: (text: string) => void) => Promise<T>): Promise<T>
  note(text: string): void
}

const seconds = (ms: number): string => (ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`)

/** Progress on standard error: on a terminal a line that changes in place, elsewhere a line when a step has ended. */
export function newProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const clock = systemClock
  let running: string[] = []
  const clear = (): void => {
    if (stream.isTTY) stream.write("\r\x1b[K")
  }
  const redraw = (): void => {
    if (!stream.isTTY || running.length === 0) return
    const text = ` … ${running.at(-1)}`
    stream.write(`\r\x1b[K${text.slice(0, (stream.columns || 80) - 1)}`)
  }
  return {
    async step(name, task) {
      const started = clock.monotonic()
      let shown = name
      running.push(shown)
      redraw()
      const detail = (text: string): void => {
        running = running.map((entry) => (entry === shown ? `${name}: ${text}` : entry))
        shown = `${name}: ${text}`
        redraw()
      }
      const end = (mark: string): void => {
        running = running.filter((entry) => entry !== shown)
        clear()
        stream.write(` ${mark} ${name} (${seconds(clock.monotonic() - started)})\n`)
        redraw()
      }
      try {
        const result = await task(detail)
        end("✓")
        return result
      } catch (error) {
        end("✗")
        throw error
      }
    },
    note(text) {
      clear()
      stream.write(`   ${text}\n`)
      redraw()
    },
  }
}

/** Rows under headings, in columns as wide as they need. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("   ")
        .trimEnd(),
    )
    .join("\n")
}
