/** What a person is told when something failed. */
export interface FailureDetails {
  /** What was being done: "start containerd on ladya-1". */
  step?: string
  /** What to do next: a command, or a thing to check. */
  hint?: string
  /** Where the log of the part that failed is. */
  log?: string
  cause?: unknown
  /** 1 unless told. */
  exitCode?: number
}

/** A failure with its step, its cause, what to do next, and the log to read. The command line prints it without a stack. */
export class LadyaError extends Error {
  override name = "LadyaError"
  readonly step: string | undefined
  readonly hint: string | undefined
  readonly log: string | undefined
  readonly exitCode: number

  constructor(message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.step = details.step
    this.hint = details.hint
    this.log = details.log
    this.exitCode = details.exitCode ?? 1
  }
}

/** Runs `task`; what it throws is said to have failed in `step`, with the log to read. An inner step is kept. */
export async function inStep<T>(step: string, task: () => Promise<T>, details: FailureDetails = {}): Promise<T> {
  try {
    return await task()
  } catch (error) {
    const inner = error instanceof LadyaError ? error : undefined
    const message = error instanceof Error ? error.message : String(error)
    const hint = inner?.hint ?? details.hint
    const log = inner?.log ?? details.log
    throw new LadyaError(message, {
      step: inner?.step ?? step,
      ...(hint === undefined ? {} : { hint }),
      ...(log === undefined ? {} : { log }),
      exitCode: inner?.exitCode ?? 1,
      cause: error,
    })
  }
}
