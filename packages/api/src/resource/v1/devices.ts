import { fieldError, isDns1123Label } from "@ladya/apimachinery"
import { checkTaintEffect } from "../../core/v1/pod/validation-scheduling.ts"
import type * as resourcev1 from "../../generated/types/resourcev1.ts"
import {
  checkDnsSubdomain,
  checkLabelName,
  checkRequired,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
} from "../../validation/checks.ts"

/** Limits of resource.k8s.io/v1 (KEP-4381). */
export const limits = {
  config: 32,
  constraints: 32,
  devices: 128,
  expression: 10 * 1024,
  attributesAndCapacities: 32,
  firstAvailable: 8,
  opaqueParameters: 10 * 1024,
  poolName: 253,
  requests: 32,
  reservedFor: 256,
  results: 32,
  selectors: 32,
  tolerations: 16,
  taints: 16,
} as const

export function checkCount(errors: Errors, path: string, list: readonly unknown[] | undefined, most: number): void {
  if ((list?.length ?? 0) > most) errors.push(fieldError.tooMany(path, list?.length ?? 0, most))
}

/** Drivers are named by a DNS subdomain of at most 63 characters. */
export function checkDriver(errors: Errors, path: string, name: string | undefined): void {
  if (!checkRequired(errors, path, name)) return
  if ((name ?? "").length > 63) errors.push(fieldError.tooLong(path, 63))
  checkTexts(errors, path, name, (name ?? "").split(".").flatMap(isDns1123Label))
}

/** DNS subdomains joined by slashes. */
export function checkPool(errors: Errors, path: string, name: string | undefined): void {
  if (!checkRequired(errors, path, name)) return
  if ((name ?? "").length > limits.poolName) errors.push(fieldError.tooLong(path, limits.poolName))
  for (const part of (name ?? "").split("/")) checkDnsSubdomain(errors, path, part)
}

/** `[domain/]identifier`, as attributes and capacities are named. */
export function checkQualifiedName(errors: Errors, path: string, name: string): void {
  const parts = name.split("/")
  const invalid = (detail: string) => errors.push(fieldError.invalid(path, name, detail))
  if (name === "") errors.push(fieldError.required(path, "name required"))
  else if (parts.length > 2) invalid("must consist of a C identifier, optionally prefixed by a domain and a slash")
  else {
    const id = parts.at(-1) ?? ""
    const domain = parts.length === 2 ? parts[0] : undefined
    if (domain === "") errors.push(fieldError.required(path, "the domain must not be empty"))
    else if (domain) {
      if (domain.length > 63) errors.push(fieldError.tooLong(path, 63))
      checkDnsSubdomain(errors, path, domain)
    }
    if (id.length > 32) errors.push(fieldError.tooLong(path, 32))
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(id)) {
      invalid(
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')",
      )
    }
  }
}

export function checkFullyQualifiedName(errors: Errors, path: string, name: string): void {
  if (!name.includes("/")) errors.push(fieldError.invalid(path, name, "must include a domain"))
  else checkQualifiedName(errors, path, name)
}

export function checkSelectors(
  errors: Errors,
  path: string,
  selectors: readonly resourcev1.DeviceSelector[] | undefined,
): void {
  checkCount(errors, path, selectors, limits.selectors)
  for (const [selector, at] of indexed(path, selectors)) {
    if (!checkRequired(errors, `${at}.cel`, selector.cel)) continue
    const expression = selector.cel?.expression
    if (!checkRequired(errors, `${at}.cel.expression`, expression)) continue
    if ((expression ?? "").length > limits.expression) {
      errors.push(fieldError.tooLong(`${at}.cel.expression`, limits.expression))
    }
  }
}

/** Parameters that only the driver understands: any JSON object. */
export function checkOpaque(
  errors: Errors,
  path: string,
  config: { opaque?: resourcev1.OpaqueDeviceConfiguration },
): void {
  if (!checkRequired(errors, `${path}.opaque`, config.opaque) || !config.opaque) return
  checkDriver(errors, `${path}.opaque.driver`, config.opaque.driver)
  const { parameters } = config.opaque
  if (!checkRequired(errors, `${path}.opaque.parameters`, parameters)) return
  if (JSON.stringify(parameters).length > limits.opaqueParameters) {
    errors.push(fieldError.tooLong(`${path}.opaque.parameters`, limits.opaqueParameters))
  } else if (typeof parameters !== "object") {
    errors.push(
      fieldError.invalid(`${path}.opaque.parameters`, "<value omitted>", "parameters must be a valid JSON object"),
    )
  }
}

export function checkDeviceTaint(errors: Errors, path: string, taint: resourcev1.DeviceTaint | undefined): void {
  if (checkRequired(errors, `${path}.key`, taint?.key)) checkLabelName(errors, `${path}.key`, taint?.key ?? "")
  const effects = ["NoExecute", "NoSchedule", "None"]
  if (!taint?.effect) checkTaintEffect(errors, `${path}.effect`, taint?.effect)
  else checkSupported(errors, `${path}.effect`, taint.effect, effects)
}

export function checkDeviceTolerations(
  errors: Errors,
  path: string,
  tolerations: readonly resourcev1.DeviceToleration[] | undefined,
): void {
  checkCount(errors, path, tolerations, limits.tolerations)
  for (const [{ key, operator, value, effect }, at] of indexed(path, tolerations)) {
    if (key) checkLabelName(errors, `${at}.key`, key)
    if (!checkRequired(errors, `${at}.operator`, operator)) continue
    checkSupported(errors, `${at}.operator`, operator, ["Equal", "Exists"])
    if (operator === "Exists" && value) {
      errors.push(fieldError.invalid(`${at}.value`, value, "must be empty for operator `Exists`"))
    }
    if (operator === "Equal" && !key)
      errors.push(fieldError.required(`${at}.key`, "must not be empty for operator `Equal`"))
    if (effect) checkSupported(errors, `${at}.effect`, effect, ["NoExecute", "NoSchedule"])
  }
}
