import { semanticEqual } from "./equality.ts"
import { formatTime } from "./time.ts"

/** What all conditions have in common. */
export interface ConditionLike {
  type: string
  status: string
  lastTransitionTime?: string
  reason?: string
  message?: string
}

/** The condition of this type. */
export function findCondition<C extends { type: string }>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** Whether the condition of this type is there and `True`. */
export function isConditionTrue(
  conditions: readonly { type: string; status: string }[] | undefined,
  type: string,
): boolean {
  return findCondition(conditions, type)?.status === "True"
}

/** A condition that is to be set: its transition time may be left out. */
export type NewCondition<C extends ConditionLike> = Omit<NoInfer<C>, "lastTransitionTime"> & {
  type: string
  status: string
  lastTransitionTime?: string
}

/**
 * The conditions with this one set. `lastTransitionTime` moves only when the status does: to the time the condition
 * brings along, or to `nowMs` (milliseconds since the epoch). The same array comes back when nothing changes.
 */
export function setCondition<C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  condition: NewCondition<C>,
  nowMs: number,
): readonly C[] {
  const list = conditions ?? []
  const index = list.findIndex((entry) => entry.type === condition.type)
  const previous = list[index]
  const moved = condition.lastTransitionTime ?? formatTime(nowMs)
  if (!previous) return [...list, { ...condition, lastTransitionTime: moved } as unknown as C]
  const lastTransitionTime = previous.status === condition.status ? (previous.lastTransitionTime ?? moved) : moved
  const next = { ...previous, ...condition, lastTransitionTime } as C
  return semanticEqual(previous, next) ? list : list.with(index, next)
}

/** The conditions without those of this type; the same array when there are none. */
export function removeCondition<C extends { type: string }>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] {
  const list = conditions ?? []
  return list.some((entry) => entry.type === type) ? list.filter((entry) => entry.type !== type) : list
}
