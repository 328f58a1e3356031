import { fieldError, isDns1035Label, isDns1123Subdomain, parseApiVersion } from "@ladya/apimachinery"
import type { CelType } from "@ladya/cel"
import type * as admission from "../../generated/types/admissionregistrationv1.ts"
import { checkTexts, type Errors, indexed } from "../../validation/checks.ts"
import { compileAdmission } from "./expressions.ts"
import { checkMatchResources } from "./match-resources.ts"

/** What policies that validate and policies that mutate have in common. */
export type PolicySpec = Pick<
  admission.ValidatingAdmissionPolicySpec,
  "failurePolicy" | "matchConditions" | "matchConstraints" | "paramKind" | "variables"
>

export function checkParamKind(errors: Errors, path: string, kind: admission.ParamKind): void {
  const { apiVersion = "", kind: name = "" } = kind
  if (apiVersion === "") errors.push(fieldError.required(`${path}.apiVersion`))
  else if (apiVersion.split("/").length > 2) {
    errors.push(fieldError.invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`))
  } else {
    const { group, version } = parseApiVersion(apiVersion)
    if (group) checkTexts(errors, `${path}.apiVersion`, group, joined(isDns1123Subdomain(group)))
    if (!version) errors.push(fieldError.invalid(`${path}.apiVersion`, apiVersion, "version must be specified"))
    else checkTexts(errors, `${path}.apiVersion`, version, joined(isDns1035Label(version)))
  }
  if (name === "") errors.push(fieldError.required(`${path}.kind`))
  else {
    const wrong = joined(isDns1035Label(name.toLowerCase()))
    checkTexts(
      errors,
      `${path}.kind`,
      name,
      wrong.map((text) => `may have mixed case, but should otherwise match: ${text}`),
    )
  }
}

const joined = (texts: readonly string[]): string[] => (texts.length > 0 ? [texts.join(",")] : [])

export function checkConstraints(errors: Errors, path: string, match: admission.MatchResources | undefined): void {
  if (!match) {
    errors.push(fieldError.required(path))
    return
  }
  checkMatchResources(errors, path, match)
  if (!match.resourceRules?.length) errors.push(fieldError.required(`${path}.resourceRules`))
}

const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/
const reserved = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
)

/** The composed variables of a policy: each may use those before it. Gives their types. */
export function checkVariables(
  errors: Errors,
  path: string,
  variables: readonly admission.Variable[] | undefined,
  hasParams: boolean,
): Record<string, CelType> {
  const types: Record<string, CelType> = {}
  for (const [{ name = "", expression = "" }, at] of indexed(path, variables)) {
    if (name.trim() === "") errors.push(fieldError.required(`${at}.name`, "name is not specified"))
    else if (!identifier.test(name) || reserved.has(name)) {
      errors.push(fieldError.invalid(`${at}.name`, name, "name is not a valid CEL identifier"))
    }
    if (expression.trim() === "") {
      errors.push(fieldError.required(`${at}.expression`, "expression is not specified"))
      continue
    }
    const compiled = compileAdmission(expression, "any", { hasParams, hasAuthorizer: true, variables: types })
    if (compiled.ok) types[name] = compiled.program.type
    else errors.push(fieldError.invalid(`${at}.expression`, expression, compiled.error))
  }
  return types
}
