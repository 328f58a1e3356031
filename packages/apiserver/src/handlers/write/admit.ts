import type { GroupVersionKind, KubeObject } from "@ladya/apimachinery"
import type { AdmissionAttributes, AdmissionOperation } from "../../admission/admission.ts"
import { shownKind } from "../../admission/dynamic/subject.ts"
import type { Engine, Operation } from "../operation.ts"
import { workingKind } from "../versions.ts"
import type { DeleteOptions } from "./delete.ts"

export function attributesOf(
  operation: Operation,
  verb: AdmissionOperation,
  object: KubeObject | undefined,
  previous: KubeObject | undefined,
  options?: DeleteOptions,
): AdmissionAttributes {
  const { storage } = operation.resource
  return {
    operation: verb,
    kind: storage ? workingKind(operation) : operation.resource.kind,
    requested: operation.resource.kind,
    subresource: operation.subresource,
    namespace: operation.namespace,
    name: operation.name || (object?.metadata?.name ?? ""),
    user: operation.user,
    dryRun: operation.dryRun,
    object,
    previous,
    view: undefined,
    isPart: operation.isPart ?? false,
    options: () => optionsOf(operation, verb, options),
    warnings: operation.warnings,
    annotate: (key, value) => operation.annotate?.(key, value),
    // Made when somebody asks for it: most requests never do.
    get signal() {
      return operation.signal
    },
    reinvocation: { isSecond: false, isWanted: false },
  }
}

const optionKinds: Readonly<Record<AdmissionOperation, string>> = {
  CREATE: "CreateOptions",
  UPDATE: "UpdateOptions",
  DELETE: "DeleteOptions",
  CONNECT: "",
}

function optionsOf(operation: Operation, verb: AdmissionOperation, given: DeleteOptions = {}): object {
  const { dryRun } = operation
  const fieldManager = operation.given?.("fieldManager")
  const fieldValidation = operation.given?.("fieldValidation")
  const set = Object.entries(given).filter(([, value]) => value !== undefined)
  return {
    kind: optionKinds[verb],
    apiVersion: "meta.k8s.io/v1",
    ...Object.fromEntries(set),
    ...(dryRun ? { dryRun: ["All"] } : {}),
    ...(verb !== "DELETE" && fieldManager ? { fieldManager } : {}),
    ...(verb !== "DELETE" && fieldValidation ? { fieldValidation } : {}),
  }
}

/**
 * Admits what a subresource shows or asks for, where that is not the kept object. The object may be changed in place.
 * Throws the Status of whoever refuses.
 */
export async function admitView(
  engine: Engine,
  operation: Operation,
  verb: AdmissionOperation,
  object: KubeObject,
  options: { previous?: KubeObject; kind?: GroupVersionKind } = {},
): Promise<void> {
  if (engine.admission.length === 0) return
  const attributes = attributesOf(operation, verb, object, options.previous)
  attributes.view = options.kind ?? shownKind(operation.resource.kind, operation.subresource)
  await mutate(engine, attributes)
  await validate(engine, attributes)
}

/** Lets every plugin that cares change the draft. */
export async function mutate(engine: Engine, attributes: AdmissionAttributes): Promise<void> {
  await mutateOnce(engine, attributes)
  const { reinvocation } = attributes
  if (!reinvocation.isWanted) return
  reinvocation.isSecond = true
  await mutateOnce(engine, attributes)
}

async function mutateOnce(engine: Engine, attributes: AdmissionAttributes): Promise<void> {
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
