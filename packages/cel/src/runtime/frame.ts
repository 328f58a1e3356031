import { CelError, type CostMeter } from "./errors.ts"

/** The state of one evaluation: the values of variables by their slots, and what it cost so far. */
export interface Frame {
  readonly slots: unknown[]
  readonly meter: CostMeter
}

export type Evaluate = (frame: Frame) => unknown

/** A value that must be a truth value. */
export function asBool(value: unknown): boolean {
  if (typeof value !== "boolean") throw new CelError("no such overload")
  return value
}
