import { fieldError, isQualifiedName, semanticEqual } from "@ladya/apimachinery"
import type * as admission from "../../generated/types/admissionregistrationv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts"
import { specStatusStrategy } from "../../strategy.ts"
import { checkOneOf, checkSupported, checkTexts, type Errors, indexed } from "../../validation/checks.ts"
import { checkConditions, checkExpression } from "./conditions.ts"
import type { ExpressionScope } from "./expressions.ts"
import { defaultMatchResources } from "./match-resources.ts"
import { checkConstraints, checkParamKind, checkVariables } from "./policy-parts.ts"

const maxAnnotations = 20
const maxValueExpressionBytes = 5 * 1024
const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"]

function checkValidation(errors: Errors, path: string, one: admission.Validation, scope: ExpressionScope): void {
  const { expression = "", message = "", messageExpression = "", reason } = one
  if (expression.trim() === "") errors.push(fieldError.required(`${path}.expression`, "expression is not specified"))
  else checkExpression(errors, `${path}.expression`, expression, "bool", scope)
  if (messageExpression !== "" && messageExpression.trim() === "") {
    errors.push(fieldError.invalid(`${path}.messageExpression`, messageExpression, "must be non-empty if specified"))
  } else if (messageExpression !== "") {
    const withoutAuthorizer = { ...scope, hasAuthorizer: false }
    checkExpression(errors, `${path}.messageExpression`, messageExpression, "string", withoutAuthorizer)
  }
  if (message !== "" && message.trim() === "") {
    errors.push(fieldError.invalid(`${path}.message`, message, "message must be non-empty if specified"))
  } else if (/[\r\n]/.test(message.trim())) {
    errors.push(fieldError.invalid(`${path}.message`, message, "message must not contain line breaks"))
  } else if (/[\r\n]/.test(expression.trim()) && message === "") {
    errors.push(fieldError.required(`${path}.message`, "message must be specified if expression contains line breaks"))
  }
  checkSupported(errors, `${path}.reason`, reason, reasons)
}

function checkAnnotation(
  errors: Errors,
  path: string,
  policy: string,
  one: admission.AuditAnnotation,
  scope: ExpressionScope,
): void {
  const { key = "", valueExpression = "" } = one
  // A key is shown behind the policy's name.
  checkTexts(errors, `${path}.key`, key, isQualifiedName(policy ? `${policy}/${key}` : key))
  const trimmed = valueExpression.trim()
  if (trimmed === "") {
    errors.push(fieldError.required(`${path}.valueExpression`, "valueExpression is not specified"))
  } else if (trimmed.length > maxValueExpressionBytes) {
    const detail = `must not exceed ${maxValueExpressionBytes} bytes in length`
    errors.push(fieldError.required(`${path}.valueExpression`, detail))
  } else checkExpression(errors, `${path}.valueExpression`, valueExpression, "annotation", scope)
}

function checkAnnotations(
  errors: Errors,
  policy: string,
  annotations: readonly admission.AuditAnnotation[] | undefined,
  scope: ExpressionScope,
): void {
  const path = "spec.auditAnnotations"
  const count = annotations?.length ?? 0
  if (count > maxAnnotations) errors.push(fieldError.tooMany(path, count, maxAnnotations))
  const keys = new Set<string>()
  for (const [annotation, at] of indexed(path, annotations)) {
    checkAnnotation(errors, at, policy, annotation, scope)
    if (keys.has(annotation.key)) errors.push(fieldError.duplicate(`${at}.key`, annotation.key))
    keys.add(annotation.key)
  }
}

function validate(
  next: admission.ValidatingAdmissionPolicy,
  previous: admission.ValidatingAdmissionPolicy | undefined,
) {
  const errors: Errors = []
  // What was taken once stays good, should the language have changed since.
  if (previous && semanticEqual(next.spec ?? {}, previous.spec ?? {})) return errors
  const spec = next.spec ?? {}
  checkOneOf(errors, "spec.failurePolicy", spec.failurePolicy, ["Fail", "Ignore"])
  if (spec.paramKind) checkParamKind(errors, "spec.paramKind", spec.paramKind)
  checkConstraints(errors, "spec.matchConstraints", spec.matchConstraints)
  const hasParams = spec.paramKind !== undefined
  checkConditions(errors, "spec.matchConditions", spec.matchConditions, { hasParams, hasAuthorizer: true })
  const variables = checkVariables(errors, "spec.variables", spec.variables, hasParams)
  const scope = { hasParams, hasAuthorizer: true, variables }
  if (!spec.validations?.length && !spec.auditAnnotations?.length) {
    const detail = "validations or auditAnnotations must be provided"
    errors.push(fieldError.required("spec.validations", detail), fieldError.required("spec.auditAnnotations", detail))
  }
  for (const [one, at] of indexed("spec.validations", spec.validations)) checkValidation(errors, at, one, scope)
  checkAnnotations(errors, next.metadata.name ?? "", spec.auditAnnotations, scope)
  return errors
}

/** ValidatingAdmissionPolicy: rules in the expression language for what may be written. */
export const validatingAdmissionPolicy: KindBehaviour<admission.ValidatingAdmissionPolicy> = {
  ...specStatusStrategy(),
  default(draft) {
    draft.spec ??= {}
    draft.spec.failurePolicy ??= "Fail"
    defaultMatchResources(draft.spec.matchConstraints)
  },
  validate,
  columns: [
    nameColumn,
    integer("Validations", ({ spec }) => spec?.validations?.length ?? 0),
    { name: "ParamKind", type: "string", cell: ({ spec }) => paramKindText(spec?.paramKind) },
    ageColumn,
  ],
}

export function paramKindText(kind: admission.ParamKind | undefined): string {
  return kind ? `${kind.apiVersion}/${kind.kind}` : "<unset>"
}
