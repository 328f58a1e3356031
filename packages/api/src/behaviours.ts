import { pod } from "./core/v1/pod/index.ts"
import type { KindBehaviour } from "./kind.ts"

/**
 * The behaviour of every kind that has one of its own, by `group/version/Kind`. Kinds that are not here are generic:
 * nothing is defaulted, only metadata is validated, Name and Age are printed.
 */
export const behaviours: Readonly<Record<string, KindBehaviour>> = {
  "/v1/Pod": pod as KindBehaviour,
}
