/** Ranges of indexes, ascending, apart from each other; both ends belong to a range. */
export type Ranges = readonly (readonly [first: number, last: number])[]

/** Reads `1,3-5`; parts that are not understood, or beyond `completions`, are left out. */
export function parseIndexes(text: string | undefined, completions = Number.POSITIVE_INFINITY): Ranges {
  const ranges: [number, number][] = []
  for (const part of text ? text.split(",") : []) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part)
    if (!match) continue
    const first = Number(match[1])
    const last = Math.min(Number(match[2] ?? match[1]), completions - 1)
    if (first <= last) ranges.push([first, last])
  }
  return merged(ranges)
}

function merged(ranges: [number, number][]): Ranges {
  const result: [number, number][] = []
  for (const [first, last] of ranges.sort((a, b) => a[0] - b[0])) {
    const previous = result.at(-1)
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last)
    else result.push([first, last])
  }
  return result
}

export function withIndexes(ranges: Ranges, indexes: Iterable<number>): Ranges {
  return merged([
    ...ranges.map(([first, last]): [number, number] => [first, last]),
    ...[...indexes].map((index): [number, number] => [index, index]),
  ])
}

/** As the API writes it; a range of two is written as two. */
export function formatIndexes(ranges: Ranges): string {
  return ranges
    .map(([first, last]) =>
      first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`,
    )
    .join(",")
}

export function countIndexes(ranges: Ranges): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)
}

export function hasIndex(ranges: Ranges, index: number): boolean {
  let low = 0
  let high = ranges.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const [first, last] = ranges[middle] as readonly [number, number]
    if (index < first) high = middle - 1
    else if (index > last) low = middle + 1
    else return true
  }
  return false
}
