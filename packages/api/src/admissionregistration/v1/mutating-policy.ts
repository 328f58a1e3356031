import { fieldError, semanticEqual } from "@ladya/apimachinery"
import type * as admission from "../../generated/types/admissionregistrationv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts"
import { generationStrategy } from "../../strategy.ts"
import { checkOneOf, type Errors, indexed } from "../../validation/checks.ts"
import { checkConditions, checkExpression } from "./conditions.ts"
import type { ExpressionResult, ExpressionScope } from "./expressions.ts"
import { defaultMatchResources } from "./match-resources.ts"
import { checkConstraints, checkParamKind, checkVariables } from "./policy-parts.ts"
import { paramKindText } from "./validating-policy.ts"

const forms: Readonly<Record<string, { field: "applyConfiguration" | "jsonPatch"; result: ExpressionResult }>> = {
  ApplyConfiguration: { field: "applyConfiguration", result: "Object" },
  JSONPatch: { field: "jsonPatch", result: "JSONPatch" },
}

function checkMutation(errors: Errors, path: string, mutation: admission.Mutation, scope: ExpressionScope): void {
  checkOneOf(errors, `${path}.patchType`, mutation.patchType, Object.keys(forms))
  const form = Object.hasOwn(forms, mutation.patchType ?? "") ? forms[mutation.patchType] : undefined
  if (!form) return
  for (const [patchType, { field }] of Object.entries(forms)) {
    const given = mutation[field]
    if (patchType !== mutation.patchType) {
      if (given)
        errors.push(
          fieldError.forbidden(`${path}.${field}`, `may not be specified when patchType is ${mutation.patchType}`),
        )
      continue
    }
    if (!given) {
      errors.push(fieldError.required(`${path}.${field}`, `must be specified when patchType is ${patchType}`))
      continue
    }
    const { expression = "" } = given
    if (expression.trim() === "") {
      errors.push(fieldError.required(`${path}.${field}.expression`, "expression is not specified"))
    } else checkExpression(errors, `${path}.${field}.expression`, expression, form.result, scope)
  }
}

function validate(next: admission.MutatingAdmissionPolicy, previous: admission.MutatingAdmissionPolicy | undefined) {
  const errors: Errors = []
  if (previous && semanticEqual(next.spec ?? {}, previous.spec ?? {})) return errors
  const spec = next.spec ?? {}
  checkOneOf(errors, "spec.failurePolicy", spec.failurePolicy, ["Fail", "Ignore"])
  checkOneOf(errors, "spec.reinvocationPolicy", spec.reinvocationPolicy, ["IfNeeded", "Never"])
  if (spec.paramKind) checkParamKind(errors, "spec.paramKind", spec.paramKind)
  checkConstraints(errors, "spec.matchConstraints", spec.matchConstraints)
  const hasParams = spec.paramKind !== undefined
  checkConditions(errors, "spec.matchConditions", spec.matchConditions, { hasParams, hasAuthorizer: true })
  const variables = checkVariables(errors, "spec.variables", spec.variables, hasParams)
  const scope = { hasParams, hasAuthorizer: true, variables }
  if (!spec.mutations?.length)
    errors.push(fieldError.required("spec.mutations", "mutations must contain at least one item"))
  for (const [mutation, at] of indexed("spec.mutations", spec.mutations)) checkMutation(errors, at, mutation, scope)
  return errors
}

/** MutatingAdmissionPolicy: changes in the expression language of what is written. */
export const mutatingAdmissionPolicy: KindBehaviour<admission.MutatingAdmissionPolicy> = {
  default(draft) {
    draft.spec ??= {}
    draft.spec.failurePolicy ??= "Fail"
    draft.spec.reinvocationPolicy ??= "Never"
    defaultMatchResources(draft.spec.matchConstraints)
  },
  ...generationStrategy(),
  validate,
  columns: [
    nameColumn,
    integer("Mutations", ({ spec }) => spec?.mutations?.length ?? 0),
    { name: "ParamKind", type: "string", cell: ({ spec }) => paramKindText(spec?.paramKind) },
    ageColumn,
  ],
}
