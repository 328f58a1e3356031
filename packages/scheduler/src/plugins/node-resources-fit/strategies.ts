/** From 0 to 100, by what would be used of a resource of which there is so much. */
export type ResourceScore = (used: number, capacity: number) => number

export interface ScoringStrategy {
  readonly score: ResourceScore
  /** How much each resource counts. */
  readonly weights: ReadonlyMap<string, number>
}

interface Arguments {
  scoringStrategy?: {
    type?: string
    resources?: readonly { name: string; weight?: number }[]
    requestedToCapacityRatio?: { shape?: readonly { utilization: number; score: number }[] }
  }
}

const least: ResourceScore = (used, capacity) =>
  capacity === 0 || used > capacity ? 0 : Math.floor(((capacity - used) * 100) / capacity)
const most: ResourceScore = (used, capacity) =>
  capacity === 0 ? 0 : Math.floor((Math.min(used, capacity) * 100) / capacity)

/** A broken line through points of utilization (0 to 100) and score (0 to 10). */
function byShape(points: readonly { utilization: number; score: number }[]): ResourceScore {
  const line = points.toSorted((a, b) => a.utilization - b.utilization)
  return (used, capacity) => {
    const utilization = capacity === 0 || used > capacity ? 100 : (used * 100) / capacity
    const next = line.findIndex((point) => point.utilization >= utilization)
    const [before, after] = [line[next - 1], line[next]]
    if (!after) return (line.at(-1)?.score ?? 0) * 10
    if (!before) return after.score * 10
    const share = (utilization - before.utilization) / (after.utilization - before.utilization)
    return Math.floor((before.score + (after.score - before.score) * share) * 10)
  }
}

const defaultWeights: ReadonlyMap<string, number> = new Map([
  ["cpu", 1],
  ["memory", 1],
])

/** NodeResourcesFitArgs: LeastAllocated unless told. Throws an Error that says what is wrong. */
export function scoringStrategy(args: Arguments = {}): ScoringStrategy {
  const { type = "LeastAllocated", resources, requestedToCapacityRatio } = args.scoringStrategy ?? {}
  const weights = resources?.length ? new Map(resources.map(({ name, weight }) => [name, weight || 1])) : defaultWeights
  if (type === "LeastAllocated") return { score: least, weights }
  if (type === "MostAllocated") return { score: most, weights }
  const shape = requestedToCapacityRatio?.shape ?? []
  if (type === "RequestedToCapacityRatio" && shape.length > 0) return { score: byShape(shape), weights }
  throw new Error(
    type === "RequestedToCapacityRatio"
      ? "NodeResourcesFit: scoringStrategy.requestedToCapacityRatio.shape: at least one point must be specified"
      : `NodeResourcesFit: scoringStrategy.type: ${JSON.stringify(type)} is none of LeastAllocated, MostAllocated, RequestedToCapacityRatio`,
  )
}
