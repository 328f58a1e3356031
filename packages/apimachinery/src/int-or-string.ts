import { isPercent } from "./validation/names.ts"

/** What may be a number or a text: a port or its name, a count or a percentage. */
export type IntOrString = number | string

/**
 * A count of `total`: a number stands for itself, `25%` is that part of it, rounded as told.
 * Throws when a text is no percentage.
 */
export function resolveIntOrPercent(value: IntOrString, total: number, options: { round: "up" | "down" }): number {
  if (typeof value === "number") return value
  if (isPercent(value).length > 0) {
    throw new Error("invalid value for IntOrString: invalid type: string is not a percentage")
  }
  const share = (Number.parseInt(value, 10) * total) / 100
  return options.round === "up" ? Math.ceil(share) : Math.floor(share)
}

/** The percentage that a text stands for; undefined for numbers and other texts. */
export function percentOf(value: IntOrString): number | undefined {
  return typeof value === "string" && isPercent(value).length === 0 ? Number.parseInt(value, 10) : undefined
}
