/** An evaluation that failed. `||`, `&&`, `all` and `exists` absorb it where another operand decides. */
export class CelError extends Error {}

/** An evaluation that cost more than it may. Nothing absorbs it. */
export class CostLimitError extends Error {
  constructor() {
    super("operation cancelled: actual cost limit exceeded")
  }
}

/** Adds up what an evaluation costs, and stops it at a limit. */
export class CostMeter {
  spent = 0
  readonly limit: number

  constructor(limit: number = Number.POSITIVE_INFINITY) {
    this.limit = limit
  }

  spend(cost: number): void {
    this.spent += cost
    if (this.spent > this.limit) throw new CostLimitError()
  }
}
