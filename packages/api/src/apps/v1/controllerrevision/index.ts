import { controllerOf, fieldError } from "@ladya/apimachinery"
import type * as appsv1 from "../../../generated/types/appsv1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, orNone, text } from "../../../printing/columns.ts"
import { checkImmutable, checkNonNegative, type Errors } from "../../../validation/checks.ts"

type ControllerRevision = appsv1.ControllerRevision

function controllerText(revision: ControllerRevision): string {
  const owner = controllerOf(revision)
  if (!owner) return orNone(undefined)
  const group = owner.apiVersion.includes("/") ? `.${owner.apiVersion.split("/")[0]}` : ""
  return `${owner.kind.toLowerCase()}${group}/${owner.name}`
}

export const controllerRevision: KindBehaviour<ControllerRevision> = {
  validate(next, previous) {
    const errors: Errors = []
    if (next.data === undefined) errors.push(fieldError.required("data", "data is mandatory"))
    checkNonNegative(errors, "revision", next.revision)
    if (previous) checkImmutable(errors, "data", next.data, previous.data)
    return errors
  },
  columns: [nameColumn, text("Controller", controllerText), text("Revision", ({ revision }) => revision), ageColumn],
}
