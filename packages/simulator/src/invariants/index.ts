import { newConvergence } from "./convergence.ts"
import { newDisruptionBudgets } from "./disruption-budgets.ts"
import { newIdentities } from "./identities.ts"
import type { Invariant } from "./invariant.ts"
import { newPlacement } from "./placement.ts"
import { newQuotas } from "./quotas.ts"
import { newAvailability, newSurge } from "./rollouts.ts"

/** All that must hold, new for each run. */
export function newInvariants(): Invariant[] {
  return [
    newDisruptionBudgets(),
    newIdentities(),
    newPlacement(),
    newSurge(),
    newAvailability(),
    newQuotas(),
    newConvergence(),
  ]
}
