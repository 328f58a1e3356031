import { refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { type Client, type Controller, done, type InformerFactory, newController } from "@ladya/client"
import type { Clock, Logger } from "@ladya/util"
import type { ResourceTable } from "../../resources.ts"
import { planWarnings } from "./plan.ts"

export interface TypeCheckingDeps {
  client: Client
  informers: InformerFactory
  resources: ResourceTable
  clock: Clock
  log: Logger
}

/** Writes into the status of ValidatingAdmissionPolicies what the types of the objects say of their expressions. */
export function newTypeChecking(deps: TypeCheckingDeps): Controller {
  const { client, clock, log, resources } = deps
  const policies = deps.informers.informer(refs.validatingadmissionpolicies)
  const controller = newController({
    name: "validatingadmissionpolicy-status",
    workers: 1,
    ...{ clock, log },
    waitFor: [policies],
    reconciler: {
      async reconcile(key) {
        const policy = policies.get(key)
        const { generation = 0 } = policy?.metadata ?? {}
        if (!policy || generation <= (policy.status?.observedGeneration ?? 0)) return done
        const warnings = planWarnings(policy, resources.kinds(), resources.schemas)
        const typeChecking = { expressionWarnings: warnings.length > 0 ? warnings : null }
        const status = { observedGeneration: generation, typeChecking }
        try {
          await client
            .resource(refs.validatingadmissionpolicies)
            .patch(key.name, "merge", { status }, { subresource: "status", fieldManager: controller.name })
        } catch (error) {
          if (!isStatus(error, "NotFound")) throw error
        }
        return done
      },
    },
  })
  const enqueue = ({ metadata }: { metadata: { name?: string } }): void =>
    controller.enqueue({ namespace: "", name: metadata.name ?? "" })
  policies.addHandler({ add: enqueue, update: enqueue })
  return controller
}
