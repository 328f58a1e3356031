import { newWallClock } from "@ladya/apimachinery"

/** The clock on the wall of some place. Wall times are milliseconds, as if that clock showed UTC. */
export interface Zone {
  wallOf(ms: number): number
  /** The first moment after `afterMs` at which the wall clock shows this; undefined when it never does (summer time). */
  timeOf(wall: number, afterMs: number): number | undefined
}

/** Throws a RangeError for a time zone that is not known. */
export function newZone(name: string): Zone {
  if (name === "UTC" || name === "Etc/UTC") {
    return { wallOf: (ms) => ms, timeOf: (wall, afterMs) => (wall > afterMs ? wall : undefined) }
  }
  const wallOf = newWallClock(name)
  const timeOf = (wall: number, afterMs: number): number | undefined => {
    // The offset is one of those in force around that time.
    const offsets = new Set([-86_400_000, 0, 86_400_000].map((away) => wallOf(wall + away) - (wall + away)))
    const candidates = [...offsets]
      .map((offset) => wall - offset)
      .filter((ms) => ms > afterMs && wallOf(ms) === wall)
      .sort((a, b) => a - b)
    return candidates[0]
  }
  return { wallOf, timeOf }
}
