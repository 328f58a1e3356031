import type { ComprehensionKind } from "../syntax/ast.ts"
import { CelError } from "./errors.ts"
import { asBool, type Evaluate, type Frame } from "./frame.ts"
import { isMap, LiteralMap } from "./values.ts"

/** What a step of each macro costs beside its own expressions, as the loops that it stands for do. */
export const stepCosts = {
  all: 3,
  exists: 4,
  existsOne: 2,
  map: 12,
  filter: 13,
  transformList: 12,
  transformMap: 32,
  transformMapEntry: 32,
} as const

/** A macro over a list or a map, its parts compiled. */
export interface Comprehension {
  readonly kind: ComprehensionKind
  readonly range: Evaluate
  readonly firstSlot: number
  readonly secondSlot: number | undefined
  readonly filter: Evaluate | undefined
  readonly body: Evaluate
}

type Loop = (frame: Frame, visit: (key: unknown) => boolean) => void

/** Makes the function of a macro: a loop that sets the variables for each element, until it is decided. */
export function newComprehension({ kind, range, firstSlot, secondSlot, filter, body }: Comprehension): Evaluate {
  const cost = stepCosts[kind]
  const hasPair = secondSlot !== undefined
  const loop: Loop = (frame, visit) => {
    const items = range(frame)
    frame.meter.spend(1)
    const step = (key: unknown, single: unknown, value: () => unknown): boolean => {
      frame.slots[firstSlot] = hasPair ? key : single
      if (hasPair) frame.slots[secondSlot] = value()
      frame.meter.spend(cost)
      if (filter && !asBool(filter(frame))) return true
      return visit(key)
    }
    if (Array.isArray(items)) {
      for (let index = 0; index < items.length; index++) {
        const item: unknown = items[index]
        if (!step(hasPair ? BigInt(index) : index, item, () => item)) return
      }
    } else if (isMap(items)) {
      for (const key of items.keys()) if (!step(key, key, () => items.get(key))) return
    } else throw new CelError("no such overload")
  }
  return evaluators[kind](loop, body, firstSlot)
}

const evaluators: Record<ComprehensionKind, (loop: Loop, body: Evaluate, slot: number) => Evaluate> = {
  all: (loop, body) => quantifier(loop, body, false),
  exists: (loop, body) => quantifier(loop, body, true),
  existsOne: (loop, body) => (frame) => {
    let count = 0
    loop(frame, () => {
      if (asBool(body(frame))) count++
      return true
    })
    return count === 1
  },
  map: (loop, body) => collect(loop, body),
  transformList: (loop, body) => collect(loop, body),
  filter: (loop, body, slot) => (frame) => {
    const list: unknown[] = []
    loop(frame, () => {
      const item = frame.slots[slot]
      if (asBool(body(frame))) list.push(item)
      return true
    })
    return list
  },
  transformMap: (loop, body) => (frame) => {
    const map = new LiteralMap()
    loop(frame, (key) => {
      map.put(key, body(frame))
      return true
    })
    return map
  },
  transformMapEntry: (loop, body) => (frame) => {
    const map = new LiteralMap()
    loop(frame, () => {
      const entry = body(frame)
      if (!isMap(entry)) throw new CelError("no such overload")
      for (const key of entry.keys()) map.put(key, entry.get(key))
      return true
    })
    return map
  },
}

/** An element that decides makes up for others that failed. */
function quantifier(loop: Loop, body: Evaluate, deciding: boolean): Evaluate {
  return (frame) => {
    let failed: CelError | undefined
    let isDecided = false
    loop(frame, () => {
      try {
        isDecided = asBool(body(frame)) === deciding
      } catch (error) {
        if (!(error instanceof CelError)) throw error
        failed ??= error
      }
      return !isDecided
    })
    if (isDecided) return deciding
    if (failed) throw failed
    return !deciding
  }
}

function collect(loop: Loop, body: Evaluate): Evaluate {
  return (frame) => {
    const list: unknown[] = []
    loop(frame, () => {
      list.push(body(frame))
      return true
    })
    return list
  }
}
