import type { Clock, Random } from "@ladya/util"
import type { Authorizer } from "../authorization/authorizer.ts"
import type { RbacIndex } from "../authorization/rbac-index.ts"
import type { Lookup } from "../lookup.ts"
import type { AdmissionPlugin } from "./admission.ts"
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts"
import { NamespaceLifecycle } from "./namespace-lifecycle.ts"
import { NodeRestriction } from "./node-restriction.ts"
import { Priority } from "./priority.ts"
import { RbacEscalation } from "./rbac-escalation.ts"
import { ServiceAccount } from "./service-account.ts"
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts"

export interface AdmissionDeps {
  lookup: Lookup
  rbac: RbacIndex
  authorizer: Authorizer
  clock: Clock
  random: Random
}

/** The admission plugins, in the order in which they are asked. */
export function newAdmissionPlugins(deps: AdmissionDeps): readonly AdmissionPlugin[] {
  return [
    new NamespaceLifecycle(deps),
    new RbacEscalation({ index: deps.rbac, authorizer: deps.authorizer }),
    new ServiceAccount(deps),
    new NodeRestriction(deps),
    taintNodesByCondition,
    new Priority(deps),
    defaultTolerationSeconds,
  ]
}
