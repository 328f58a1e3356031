import { type rbacv1, refs } from "@ladya/api"
import { compileLabelSelector, keyOf, semanticEqual } from "@ladya/apimachinery"
import { done, newController } from "@ladya/client"
import type { ControllerDefinition } from "../context.ts"

type ClusterRole = rbacv1.ClusterRole

/** The rules of all roles that an aggregation rule selects, each once, in the order of the roles' names. */
export function aggregatedRules(role: ClusterRole, all: Iterable<ClusterRole>): rbacv1.PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(compileLabelSelector)
  const selected = [...all]
    .filter((one) => one.metadata.name !== role.metadata.name)
    .filter((one) => selectors.some((selector) => selector.matches(one.metadata.labels)))
    .sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1))
  const rules: rbacv1.PolicyRule[] = []
  for (const rule of selected.flatMap((one) => one.rules ?? [])) {
    if (!rules.some((known) => semanticEqual(known, rule))) rules.push(rule)
  }
  return rules
}

/** Fills the ClusterRoles that are put together out of others (`admin`, `edit`, `view` …). */
export const clusterRoleAggregationController: ControllerDefinition = {
  name: "clusterrole-aggregation",
  account: "clusterrole-aggregation-controller",
  create: ({ client, informers, clock, log, metrics, config }) => {
    const roles = informers.informer(refs.clusterroles)
    const controller = newController({
      name: "clusterrole-aggregation",
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [roles],
      reconciler: {
        reconcile: async ({ name }) => {
          const role = roles.get(name)
          if (!role?.aggregationRule) return done
          const rules = aggregatedRules(role, roles.values())
          if (!semanticEqual(role.rules, rules)) await client.resource(refs.clusterroles).update({ ...role, rules })
          return done
        },
      },
    })
    // Any role may be part of any other, and there are few.
    const enqueueAll = (): void => {
      for (const role of roles.values()) if (role.aggregationRule) controller.enqueue(keyOf(role))
    }
    roles.addHandler({ add: enqueueAll, update: enqueueAll, delete: enqueueAll })
    return controller
  },
}
