/** A source of randomness with a seed, so that runs can be repeated. Values are in [0, 1). */
export type Random = () => number

/** The process's own randomness. Not for secrets: use node:crypto for those. */
export const systemRandom: Random = Math.random

/** A small seeded generator (mulberry32). */
export function newRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
