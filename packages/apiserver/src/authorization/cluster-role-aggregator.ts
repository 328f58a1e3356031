import { type rbacv1, refs } from "@ladya/api"
import { compileLabelSelector, deepCopy, isStatus, semanticEqual } from "@ladya/apimachinery"
import type { Client, Informer } from "@ladya/client"
import { errorMessage, type Logger } from "@ladya/util"
import type { PolicyRule } from "./rules.ts"

type ClusterRole = rbacv1.ClusterRole

/** The rules an aggregated role should show: those of the roles it selects, by name, each once. */
export function planAggregation(role: ClusterRole, all: Iterable<ClusterRole>): PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(compileLabelSelector)
  const selected = [...all]
    .filter((one) => one.metadata.name !== role.metadata.name)
    .filter((one) => selectors.some((selector) => selector.matches(one.metadata.labels ?? {})))
    .sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1))
  const rules: PolicyRule[] = []
  for (const rule of selected.flatMap((one) => one.rules ?? [])) {
    if (!rules.some((known) => semanticEqual(known, rule))) rules.push(deepCopy(rule))
  }
  return rules
}

/**
 * Writes the rules of aggregated ClusterRoles down, so that everybody can read them. Whether a request is allowed does
 * not wait for it: the index aggregates by itself.
 */
export function followAggregation(deps: { client: Client; roles: Informer<ClusterRole>; log: Logger }): () => void {
  const { client, roles, log } = deps
  let isScheduled = false
  let isStopped = false

  const write = async (role: ClusterRole): Promise<void> => {
    const rules = planAggregation(role, roles.values())
    if (semanticEqual(role.rules ?? [], rules)) return
    try {
      await client.resource(refs.clusterroles).update({ ...deepCopy(role), rules })
    } catch (error) {
      // A newer version is on its way and comes here again.
      if (!isStatus(error, "Conflict", "NotFound")) throw error
    }
  }
  const run = async (): Promise<void> => {
    isScheduled = false
    if (isStopped || !roles.hasSynced) return
    for (const role of roles.list()) if (role.aggregationRule) await write(role)
  }
  const schedule = (): void => {
    if (isScheduled || isStopped) return
    isScheduled = true
    setImmediate(() => {
      run().catch((error) => log.warn("could not aggregate cluster roles", { error: errorMessage(error) }))
    })
  }
  const remove = roles.addHandler({ add: schedule, update: schedule, delete: schedule })
  roles.synced().then(schedule, () => undefined)
  return () => {
    isStopped = true
    remove()
  }
}
