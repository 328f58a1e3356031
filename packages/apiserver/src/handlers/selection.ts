import { newSelection, type Selection } from "../storage/selection.ts"
import { type Operation, storageOf } from "./operation.ts"

/** What a list or a watch chooses. Where a webhook converts, fields are those of the version that is asked for. */
export function selectionOf(
  operation: Operation,
  options: { labelSelector?: string | undefined; fieldSelector?: string | undefined },
): Selection {
  const { kind } = operation.resource
  const { namespace, name } = operation
  const { labelSelector, fieldSelector } = options
  const working = kind.custom?.convert ? kind : storageOf(operation).kind
  return newSelection(working, { namespace, name, labelSelector, fieldSelector }, kind)
}
