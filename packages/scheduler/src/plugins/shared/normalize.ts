/** Scales scores so that the largest is 100; `reverse` makes the smallest the best. */
export function normalizeScores(scores: Float64Array, options: { reverse: boolean }): void {
  let max = 0
  for (const score of scores) if (score > max) max = score
  for (let index = 0; index < scores.length; index++) {
    if (max === 0) {
      scores[index] = options.reverse ? 100 : 0
      continue
    }
    const scaled = Math.floor(((scores[index] as number) * 100) / max)
    scores[index] = options.reverse ? 100 - scaled : scaled
  }
}
