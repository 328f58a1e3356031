import type { KubeObject } from "@ladya/apimachinery"
import type { AdmissionAttributes, AdmissionOperation } from "../../admission/admission.ts"
import { type Engine, type Operation, storageOf } from "../operation.ts"

export function attributesOf(
  operation: Operation,
  verb: AdmissionOperation,
  object: KubeObject | undefined,
  previous: KubeObject | undefined,
): AdmissionAttributes {
  const { storage } = operation.resource
  return {
    operation: verb,
    kind: storage ? storageOf(operation).kind : operation.resource.kind,
    subresource: operation.subresource,
    namespace: operation.namespace,
    name: operation.name || (object?.metadata?.name ?? ""),
    user: operation.user,
    dryRun: operation.dryRun,
    object,
    previous,
    warnings: operation.warnings,
  }
}

/** Lets every plugin that cares change the draft. */
export async function mutate(engine: Engine, attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of engine.admission) {
    if (!plugin.mutate || !plugin.handles(attributes)) continue
    const pending = plugin.mutate(attributes)
    if (pending) await pending
  }
}

/** Asks every plugin that cares; the first that refuses throws. */
export async function validate(engine: Engine, attributes: AdmissionAttributes): Promise<void> {
  for (const plugin of engine.admission) {
    if (!plugin.validate || !plugin.handles(attributes)) continue
    const pending = plugin.validate(attributes)
    if (pending) await pending
  }
}
