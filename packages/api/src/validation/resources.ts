import { compareQuantities, fieldError, isQualifiedName, parseQuantity } from "@ladya/apimachinery"
import type * as corev1 from "../generated/types/corev1.ts"
import { checkQuantity, checkTexts, type Errors, indexed } from "./checks.ts"

const standardContainerResources = new Set(["cpu", "memory", "ephemeral-storage"])

/** Resources that count objects: whole numbers of them. */
const countedResources = new Set([
  "pods",
  "services",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "configmaps",
  "persistentvolumeclaims",
  "services.nodeports",
  "services.loadbalancers",
])

const standardResources = new Set([
  ...standardContainerResources,
  ...countedResources,
  ...[...standardContainerResources].flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  "storage",
  "requests.storage",
])

export function isHugePages(name: string): boolean {
  return name.startsWith("hugepages-")
}

/** Names without a domain, and those of kubernetes.io, are the API's own. */
export function isNativeResource(name: string): boolean {
  return !name.includes("/") || name.includes("kubernetes.io/")
}

/** A resource that a device plugin or an administrator adds. */
export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith("requests.")) return false
  return isQualifiedName(`requests.${name}`).length === 0
}

function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name)
}

/** Whether the API knows a name that has no domain. */
function isStandardResource(name: string): boolean {
  return standardResources.has(name) || isHugePages(name) || isHugePages(name.replace(/^requests\./, ""))
}

/** The name of any resource: one of the API's own, or one with a domain. */
export function checkResourceName(errors: Errors, path: string, name: string): void {
  const messages = isQualifiedName(name)
  checkTexts(errors, path, name, messages)
  if (messages.length === 0 && !name.includes("/") && !isStandardResource(name)) {
    errors.push(fieldError.invalid(path, name, "must be a standard resource type or fully qualified"))
  }
}

/** The name of a resource that a container may ask for. */
export function checkContainerResourceName(errors: Errors, path: string, name: string): void {
  checkResourceName(errors, path, name)
  if (!name.includes("/")) {
    if (!standardContainerResources.has(name) && !isHugePages(name)) {
      errors.push(fieldError.invalid(path, name, "must be a standard resource for containers"))
    }
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(fieldError.invalid(path, name, "doesn't follow extended resource name standard"))
  }
}

/** The amount of a resource: not negative, and whole where it counts things. */
export function checkResourceQuantity(errors: Errors, path: string, name: string, value: string): boolean {
  if (!checkQuantity(errors, path, value)) return false
  if (isExtendedResource(name) || countedResources.has(name)) {
    if (parseQuantity(value).nanos % 1_000_000_000n !== 0n) {
      errors.push(fieldError.invalid(path, value, "must be an integer"))
      return false
    }
  }
  return true
}

function checkHugePagesQuantity(errors: Errors, path: string, name: string, value: string): void {
  const size = name.slice("hugepages-".length)
  try {
    const unit = parseQuantity(size).nanos
    if (unit > 0n && parseQuantity(value).nanos % unit !== 0n) {
      errors.push(fieldError.invalid(path, value, `${value} is not positive integer multiple of ${name}`))
    }
  } catch {
    errors.push(fieldError.invalid(path, value, "does not follow hugepages resource name standard"))
  }
}

interface ListSummary {
  hugePages: boolean
  cpuOrMemory: boolean
  /** Names whose amounts are quantities. */
  sound: Set<string>
}

function checkList(errors: Errors, path: string, list: Readonly<Record<string, string>> | undefined): ListSummary {
  const summary: ListSummary = { hugePages: false, cpuOrMemory: false, sound: new Set() }
  for (const [name, value] of Object.entries(list ?? {})) {
    const keyPath = `${path}[${name}]`
    checkContainerResourceName(errors, keyPath, name)
    if (checkResourceQuantity(errors, keyPath, name, value)) {
      summary.sound.add(name)
      if (isHugePages(name)) checkHugePagesQuantity(errors, keyPath, name, value)
    }
    if (isHugePages(name)) summary.hugePages = true
    if (name === "cpu" || name === "memory") summary.cpuOrMemory = true
  }
  return summary
}

function checkRequestAgainstLimit(
  errors: Errors,
  path: string,
  name: string,
  requirements: corev1.ResourceRequirements,
): void {
  const request = requirements.requests?.[name] as string
  const limit = requirements.limits?.[name]
  if (limit === undefined) {
    if (!isOvercommitAllowed(name)) {
      errors.push(fieldError.required(`${path}.limits`, "Limit must be set for non overcommitable resources"))
    }
    return
  }
  const order = compareQuantities(request, limit)
  if (order !== 0 && !isOvercommitAllowed(name)) {
    errors.push(fieldError.invalid(`${path}.requests`, request, `must be equal to ${name} limit of ${limit}`))
  } else if (order > 0) {
    const detail = `must be less than or equal to ${name} limit of ${limit}`
    errors.push(fieldError.invalid(`${path}.requests`, request, detail))
  }
}

/** Requests and limits of a container. `claimNames` are the pod's resource claims. */
export function checkContainerResources(
  errors: Errors,
  path: string,
  requirements: corev1.ResourceRequirements | undefined,
  claimNames: ReadonlySet<string> = new Set(),
): void {
  if (!requirements) return
  const limits = checkList(errors, `${path}.limits`, requirements.limits)
  const requests = checkList(errors, `${path}.requests`, requirements.requests)
  for (const name of requests.sound) {
    if (requirements.limits?.[name] === undefined || limits.sound.has(name)) {
      checkRequestAgainstLimit(errors, path, name, requirements)
    }
  }
  if ((limits.hugePages || requests.hugePages) && !limits.cpuOrMemory && !requests.cpuOrMemory) {
    errors.push(fieldError.forbidden(path, "HugePages require cpu or memory"))
  }
  const seen = new Set<string>()
  for (const [claim, claimPath] of indexed(`${path}.claims`, requirements.claims)) {
    const identity = `${claim.name}/${claim.request ?? ""}`
    if (!claim.name) errors.push(fieldError.required(`${claimPath}.name`))
    else if (seen.has(identity)) errors.push(fieldError.duplicate(`${claimPath}.name`, claim.name))
    else if (!claimNames.has(claim.name)) errors.push(fieldError.notFound(`${claimPath}.name`, claim.name))
    seen.add(identity)
  }
}
