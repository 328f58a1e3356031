/**
 * How long to wait, in milliseconds, before looking at something with so many parts because one of them changed. Looking
 * costs in proportion to the parts, and a large workload's parts change in bursts: without a pause the work would grow
 * with the square of its size.
 */
export function settleMs(parts: number): number {
  return parts < 100 ? 0 : Math.min(parts / 10, 200)
}
