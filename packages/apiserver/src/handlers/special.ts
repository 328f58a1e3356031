import { type DecodeTarget, type KubeObject, newStatusError, type StatusError } from "@ladya/apimachinery"
import type { ServedResource } from "../resources.ts"
import type { Engine, Operation, Result } from "./operation.ts"
import { admitView } from "./write/admit.ts"

/** Makes what is wanted out of what stands there. Private to the caller, and may be called again after a conflict. */
export type Compute = (current: KubeObject) => KubeObject

/** Which of many are wanted. */
export interface SpecialSelection {
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
}

/** A subresource, or a resource that is asked but not kept, with handling of its own. */
export interface SpecialResource {
  /** The type of the bodies; that of the (sub)resource's kind unless told. */
  input?: DecodeTarget
  get?(engine: Engine, operation: Operation): Promise<Result>
  list?(engine: Engine, operation: Operation, selection: SpecialSelection): Promise<Result>
  create?(engine: Engine, operation: Operation, input: KubeObject): Promise<Result>
  /** Serves update and patch. */
  update?(engine: Engine, operation: Operation, compute: Compute): Promise<Result>
}

/** Admits what is to be created, and creates it. */
export async function createSpecial(
  engine: Engine,
  operation: Operation,
  special: SpecialResource & Required<Pick<SpecialResource, "create">>,
  input: KubeObject,
): Promise<Result> {
  await admitView(engine, operation, "CREATE", input, special.input ? { kind: special.input } : {})
  return special.create(engine, operation, input)
}

/** Whether something can be created there. */
export function canCreate(
  special: SpecialResource,
): special is SpecialResource & Required<Pick<SpecialResource, "create">> {
  return special.create !== undefined
}

/** What special resources are found by. */
export function specialKey(resource: ServedResource, subresource: string): string {
  const { group, resource: plural } = resource.kind
  return subresource ? `${group}/${plural}/${subresource}` : `${group}/${plural}`
}

export const methodNotAllowed = (): StatusError =>
  newStatusError("MethodNotAllowed", "the server does not allow this method on the requested resource")

export const noSuchResource = (): StatusError =>
  newStatusError("NotFound", "the server could not find the requested resource", {})
