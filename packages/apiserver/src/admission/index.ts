import type { corev1 } from "@ladya/api"
import type { Client } from "@ladya/client"
import type { Clock, Logger, MetricsRegistry, Random } from "@ladya/util"
import type { Authorizer } from "../authorization/authorizer.ts"
import type { RbacIndex } from "../authorization/rbac-index.ts"
import type { Lookup } from "../lookup.ts"
import type { ResourceTable } from "../resources.ts"
import type { WebhookCaller } from "../webhooks/caller.ts"
import type { AdmissionPlugin } from "./admission.ts"
import { DefaultStorageClass } from "./default-storage-class.ts"
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts"
import { LimitRanger } from "./limit-ranger.ts"
import { NamespaceLifecycle } from "./namespace-lifecycle.ts"
import { NodeRestriction } from "./node-restriction.ts"
import { PodTopologyLabels } from "./pod-topology-labels.ts"
import { MutatingAdmissionPolicies } from "./policies/mutating.ts"
import { ValidatingAdmissionPolicies } from "./policies/validating.ts"
import { Priority } from "./priority.ts"
import { RbacEscalation } from "./rbac-escalation.ts"
import { ResourceQuota } from "./resource-quota.ts"
import { RuntimeClass } from "./runtime-class.ts"
import { ServiceAccount } from "./service-account.ts"
import { storageObjectInUseProtection } from "./storage-object-in-use-protection.ts"
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts"
import { WebhookMetrics } from "./webhooks/metrics.ts"
import { MutatingAdmissionWebhook } from "./webhooks/mutating.ts"
import { ValidatingAdmissionWebhook } from "./webhooks/validating.ts"

export interface AdmissionDeps {
  lookup: Lookup
  rbac: RbacIndex
  authorizer: Authorizer
  clock: Clock
  random: Random
  client: Client
  log: Logger
  resources: ResourceTable
  webhooks: WebhookCaller
  metrics: MetricsRegistry
  /** From memory: asked at every write. */
  limitRangesIn: (namespace: string) => readonly corev1.LimitRange[]
  quotasIn: (namespace: string) => readonly corev1.ResourceQuota[]
}

/** The admission plugins, in the order in which they are asked. */
export function newAdmissionPlugins(deps: AdmissionDeps): readonly AdmissionPlugin[] {
  const hooks = { ...deps, webhookMetrics: new WebhookMetrics(deps.metrics) }
  return [
    new NamespaceLifecycle(deps),
    new RbacEscalation({ index: deps.rbac, authorizer: deps.authorizer }),
    new LimitRanger(deps),
    new ServiceAccount(deps),
    new NodeRestriction(deps),
    taintNodesByCondition,
    new Priority(deps),
    defaultTolerationSeconds,
    new DefaultStorageClass(deps),
    storageObjectInUseProtection,
    new RuntimeClass(deps),
    new PodTopologyLabels(deps),
    new MutatingAdmissionPolicies(deps),
    new MutatingAdmissionWebhook(hooks),
    new ValidatingAdmissionPolicies(deps),
    new ValidatingAdmissionWebhook(hooks),
    // The last: nothing may be reserved for what another refuses.
    new ResourceQuota(deps),
  ]
}
