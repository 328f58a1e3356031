import { fieldError } from "@ladya/apimachinery"
import type { RuleWithOperations } from "../../generated/types/admissionregistrationv1.ts"
import { checkSupported, type Errors, indexed } from "../../validation/checks.ts"

const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]

function checkAlone(errors: Errors, path: string, values: readonly string[], others: string): void {
  if (values.length > 1 && values.includes("*")) {
    errors.push(fieldError.invalid(path, values, `if '*' is present, must not specify other ${others}`))
  }
}

/** What a rule of a webhook or of a policy says about operations, groups, versions, resources and scope. */
export function checkRule(errors: Errors, path: string, rule: RuleWithOperations): void {
  const { operations: wanted = [], apiGroups = [], apiVersions = [], resources = [] } = rule
  if (wanted.length === 0) errors.push(fieldError.required(`${path}.operations`))
  checkAlone(errors, `${path}.operations`, wanted, "operations")
  for (const [operation, at] of indexed(`${path}.operations`, wanted)) {
    checkSupported(errors, at, operation, operations)
  }
  if (apiGroups.length === 0) errors.push(fieldError.required(`${path}.apiGroups`))
  checkAlone(errors, `${path}.apiGroups`, apiGroups, "API groups")
  if (apiVersions.length === 0) errors.push(fieldError.required(`${path}.apiVersions`))
  checkAlone(errors, `${path}.apiVersions`, apiVersions, "API versions")
  for (const [version, at] of indexed(`${path}.apiVersions`, apiVersions)) {
    if (version === "") errors.push(fieldError.required(at))
  }
  checkResources(errors, `${path}.resources`, resources)
  checkSupported(errors, `${path}.scope`, rule.scope, ["*", "Cluster", "Namespaced"])
}

/** `pods`, `pods/log`, `pods/*`, `*` with a subresource: no entry may say again what another says already. */
function checkResources(errors: Errors, path: string, resources: readonly string[]): void {
  if (resources.length === 0) errors.push(fieldError.required(path))
  const allSubresources = new Set<string>()
  const allResources = new Set<string>()
  for (const [text, at] of indexed(path, resources)) {
    if (text === "") {
      errors.push(fieldError.required(at))
      continue
    }
    const slash = text.indexOf("/")
    if (slash < 0) continue
    const resource = text.slice(0, slash)
    const subresource = text.slice(slash + 1)
    if (allSubresources.has(resource)) {
      errors.push(fieldError.invalid(at, text, `if '${resource}/*' is present, must not specify ${text}`))
    }
    if (allResources.has(subresource)) {
      errors.push(fieldError.invalid(at, text, `if '*/${subresource}' is present, must not specify ${text}`))
    }
    if (subresource === "*") allSubresources.add(resource)
    if (resource === "*") allResources.add(subresource)
  }
  if (resources.length > 1 && resources.includes("*/*")) {
    errors.push(fieldError.invalid(path, resources, "if '*/*' is present, must not specify other resources"))
  }
  if (resources.includes("*") && resources.some((text) => text !== "*" && text !== "" && !text.includes("/"))) {
    const detail = "if '*' is present, must not specify other resources without subresources"
    errors.push(fieldError.invalid(path, resources, detail))
  }
}
