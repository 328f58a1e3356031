import {
  fieldError,
  formatLabelSelector,
  isDns1123Subdomain,
  isPathSegmentName,
  validateLabelSelector,
} from "@ladya/apimachinery"
import type * as admission from "../../generated/types/admissionregistrationv1.ts"
import type { Column, KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn } from "../../printing/columns.ts"
import { generationStrategy } from "../../strategy.ts"
import { checkOneOf, checkTexts, type Errors, indexed } from "../../validation/checks.ts"
import { checkMatchResources, defaultMatchResources } from "./match-resources.ts"

type Binding = admission.ValidatingAdmissionPolicyBinding | admission.MutatingAdmissionPolicyBinding

function checkParamRef(errors: Errors, path: string, ref: admission.ParamRef | undefined): void {
  if (!ref) return
  const { name, selector } = ref
  if (name) {
    checkTexts(errors, `${path}.name`, name, isPathSegmentName(name))
    if (selector) errors.push(fieldError.forbidden(`${path}.name`, "name and selector are mutually exclusive"))
  }
  if (selector) {
    errors.push(...validateLabelSelector(selector, `${path}.selector`))
    if (name) errors.push(fieldError.forbidden(`${path}.selector`, "name and selector are mutually exclusive"))
  }
  if (!name && !selector) errors.push(fieldError.required(path, "one of name or selector must be specified"))
  checkOneOf(errors, `${path}.parameterNotFoundAction`, ref.parameterNotFoundAction, ["Allow", "Deny"])
}

function checkBinding(errors: Errors, { spec }: Binding): void {
  if (!spec?.policyName) errors.push(fieldError.required("spec.policyName"))
  else checkTexts(errors, "spec.policyName", spec.policyName, isDns1123Subdomain(spec.policyName))
  checkParamRef(errors, "spec.paramRef", spec?.paramRef)
  // The field is misspelt upstream too, where users know it from.
  checkMatchResources(errors, "spec.matchResouces", spec?.matchResources)
}

function checkActions(errors: Errors, actions: readonly string[]): void {
  const path = "spec.validationActions"
  if (actions.length === 0) errors.push(fieldError.required(path, "at least one validation action is required"))
  const seen = new Set<string>()
  for (const [action, at] of indexed(path, actions)) {
    const known = ["Audit", "Deny", "Warn"]
    if (!known.includes(action)) errors.push(fieldError.notSupported(at, action, known))
    if (seen.has(action)) errors.push(fieldError.duplicate(at, action))
    seen.add(action)
  }
  if (seen.has("Deny") && seen.has("Warn")) {
    const detail =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)"
    errors.push(fieldError.invalid(path, actions, detail))
  }
}

function paramRefText(ref: admission.ParamRef | undefined): string {
  if (!ref) return "<unset>"
  const name = ref.name || formatLabelSelector(ref.selector)
  return ref.namespace ? `${ref.namespace}/${name}` : name
}

const columns: readonly Column<Binding>[] = [
  nameColumn,
  { name: "PolicyName", type: "string", cell: ({ spec }) => spec?.policyName ?? "" },
  { name: "ParamRef", type: "string", cell: ({ spec }) => paramRefText(spec?.paramRef) },
  ageColumn,
]

function defaultBinding({ spec }: Binding): void {
  defaultMatchResources(spec?.matchResources)
  if (spec?.paramRef) spec.paramRef.parameterNotFoundAction ??= "Deny"
}

/** ValidatingAdmissionPolicyBinding: where a policy counts, with which parameters, and what comes of a violation. */
export const validatingAdmissionPolicyBinding: KindBehaviour<admission.ValidatingAdmissionPolicyBinding> = {
  default: defaultBinding,
  ...generationStrategy(),
  validate(next) {
    const errors: Errors = []
    checkBinding(errors, next)
    checkActions(errors, next.spec?.validationActions ?? [])
    return errors
  },
  columns,
}

/** MutatingAdmissionPolicyBinding. */
export const mutatingAdmissionPolicyBinding: KindBehaviour<admission.MutatingAdmissionPolicyBinding> = {
  default: defaultBinding,
  ...generationStrategy(),
  validate(next) {
    const errors: Errors = []
    checkBinding(errors, next)
    return errors
  },
  columns,
}
