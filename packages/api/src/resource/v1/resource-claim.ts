import { fieldError } from "@ladya/apimachinery"
import type * as resourcev1 from "../../generated/types/resourcev1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { specStatusStrategy } from "../../strategy.ts"
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkImmutable,
  checkPositive,
  checkQuantity,
  checkRequired,
  checkSupported,
  type Errors,
  indexed,
} from "../../validation/checks.ts"
import {
  checkCount,
  checkDeviceTolerations,
  checkDriver,
  checkFullyQualifiedName,
  checkOpaque,
  checkPool,
  checkSelectors,
  limits,
} from "./devices.ts"

type Claim = resourcev1.ResourceClaim
type Template = resourcev1.ResourceClaimTemplate
type Exact = resourcev1.ExactDeviceRequest | resourcev1.DeviceSubRequest

function defaultRequest(request: Exact): void {
  request.allocationMode ??= "ExactCount"
  if (request.allocationMode === "ExactCount") request.count ??= 1
  for (const toleration of request.tolerations ?? []) toleration.operator ??= "Equal"
}

function defaultSpec(spec: resourcev1.ResourceClaimSpec | undefined): void {
  for (const { exactly, firstAvailable } of spec?.devices?.requests ?? []) {
    if (exactly) defaultRequest(exactly)
    for (const request of firstAvailable ?? []) defaultRequest(request)
  }
}

function checkExact(errors: Errors, path: string, request: Exact): void {
  if (checkRequired(errors, `${path}.deviceClassName`, request.deviceClassName)) {
    checkDnsSubdomain(errors, `${path}.deviceClassName`, request.deviceClassName)
  }
  checkSelectors(errors, `${path}.selectors`, request.selectors)
  const { allocationMode, count } = request
  if (allocationMode === "All") {
    if (count) {
      const detail = "must not be specified when allocationMode is 'All'"
      errors.push(fieldError.invalid(`${path}.count`, count, detail))
    }
  } else if (allocationMode === "ExactCount") checkPositive(errors, `${path}.count`, count ?? 0)
  else checkSupported(errors, `${path}.allocationMode`, allocationMode, ["All", "ExactCount"])
  checkDeviceTolerations(errors, `${path}.tolerations`, request.tolerations)
  for (const [name, value] of Object.entries(request.capacity?.requests ?? {})) {
    checkQuantity(errors, `${path}.capacity.requests[${name}]`, value)
  }
}

/** Every name a constraint or configuration may point at; `request/subrequest` for alternatives. */
function checkRequests(errors: Errors, path: string, requests: resourcev1.DeviceRequest[] | undefined): Set<string> {
  const names = new Set<string>()
  checkCount(errors, path, requests, limits.requests)
  for (const [request, at] of indexed(path, requests)) {
    if (checkRequired(errors, `${at}.name`, request.name)) checkDnsLabel(errors, `${at}.name`, request.name)
    if (names.has(request.name)) errors.push(fieldError.duplicate(`${at}.name`, request.name))
    names.add(request.name)
    const { exactly, firstAvailable } = request
    const given = (exactly ? 1 : 0) + (firstAvailable?.length ? 1 : 0)
    if (given === 0) errors.push(fieldError.required(at, "exactly one of `exactly` or `firstAvailable` is required"))
    if (given === 2) {
      errors.push(fieldError.invalid(at, request.name, "exactly one of `exactly` or `firstAvailable` is required"))
    }
    if (exactly) checkExact(errors, `${at}.exactly`, exactly)
    checkCount(errors, `${at}.firstAvailable`, firstAvailable, limits.firstAvailable)
    for (const [alternative, below] of indexed(`${at}.firstAvailable`, firstAvailable)) {
      if (checkRequired(errors, `${below}.name`, alternative.name))
        checkDnsLabel(errors, `${below}.name`, alternative.name)
      const name = `${request.name}/${alternative.name}`
      if (names.has(name)) errors.push(fieldError.duplicate(`${below}.name`, alternative.name))
      names.add(name)
      checkExact(errors, below, alternative)
    }
  }
  return names
}

function checkNames(errors: Errors, path: string, given: readonly string[] | undefined, known: Set<string>): void {
  checkCount(errors, path, given, limits.requests)
  for (const [name, at] of indexed(path, given)) {
    if (known.has(name)) continue
    const detail =
      "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
    errors.push(fieldError.invalid(at, name, detail))
  }
}

function checkSpec(errors: Errors, path: string, spec: resourcev1.ResourceClaimSpec | undefined): void {
  const devices = spec?.devices
  const names = checkRequests(errors, `${path}.devices.requests`, devices?.requests)
  checkCount(errors, `${path}.devices.constraints`, devices?.constraints, limits.constraints)
  for (const [constraint, at] of indexed(`${path}.devices.constraints`, devices?.constraints)) {
    checkNames(errors, `${at}.requests`, constraint.requests, names)
    const { matchAttribute, distinctAttribute } = constraint
    if (matchAttribute !== undefined) checkFullyQualifiedName(errors, `${at}.matchAttribute`, matchAttribute)
    else if (distinctAttribute !== undefined) {
      checkFullyQualifiedName(errors, `${at}.distinctAttribute`, distinctAttribute)
    } else errors.push(fieldError.required(`${at}.matchAttribute`))
  }
  checkCount(errors, `${path}.devices.config`, devices?.config, limits.config)
  for (const [config, at] of indexed(`${path}.devices.config`, devices?.config)) {
    checkNames(errors, `${at}.requests`, config.requests, names)
    checkOpaque(errors, at, config)
  }
}

function checkAllocation(errors: Errors, allocation: resourcev1.AllocationResult): void {
  const path = "status.allocation.devices.results"
  checkCount(errors, path, allocation.devices?.results, limits.results)
  for (const [result, at] of indexed(path, allocation.devices?.results)) {
    checkRequired(errors, `${at}.request`, result.request)
    checkDriver(errors, `${at}.driver`, result.driver)
    checkPool(errors, `${at}.pool`, result.pool)
    if (checkRequired(errors, `${at}.device`, result.device)) checkDnsLabel(errors, `${at}.device`, result.device)
  }
}

function validateStatus(next: Claim, previous: Claim): Errors {
  const errors: Errors = []
  const { allocation, reservedFor } = next.status ?? {}
  if (allocation) checkAllocation(errors, allocation)
  const path = "status.reservedFor"
  checkCount(errors, path, reservedFor, limits.reservedFor)
  const uids = new Set<string>()
  for (const [consumer, at] of indexed(path, reservedFor)) {
    checkRequired(errors, `${at}.resource`, consumer.resource)
    checkRequired(errors, `${at}.name`, consumer.name)
    checkRequired(errors, `${at}.uid`, consumer.uid)
    if (uids.has(consumer.uid)) errors.push(fieldError.duplicate(`${at}.uid`, consumer.uid))
    uids.add(consumer.uid)
  }
  if (reservedFor?.length && !allocation) {
    errors.push(fieldError.forbidden(path, "may not be specified when `allocated` is not set"))
  }
  const known = new Set((previous.status?.reservedFor ?? []).map(({ uid }) => uid))
  if (next.metadata.deletionTimestamp && [...uids].some((uid) => !known.has(uid))) {
    errors.push(fieldError.forbidden(path, "new entries may not be added while `deletionTimestamp` is set"))
  }
  if (allocation && previous.status?.allocation) {
    checkImmutable(errors, "status.allocation", allocation, previous.status.allocation)
  }
  return errors
}

function stateOf({ metadata, status }: Claim): string {
  const states: string[] = []
  if (metadata.deletionTimestamp) states.push("deleted")
  if (status?.allocation) states.push("allocated")
  else if (!metadata.deletionTimestamp) states.push("pending")
  if (status?.reservedFor?.length) states.push("reserved")
  return states.join(",")
}

/** Devices that a pod asks for (KEP-4381). */
export const resourceClaim: KindBehaviour<Claim> = {
  ...specStatusStrategy({ generation: false }),
  default: (draft) => defaultSpec(draft.spec),
  validate({ spec }, previous) {
    const errors: Errors = []
    if (previous) checkImmutable(errors, "spec", spec, previous.spec)
    else checkSpec(errors, "spec", spec)
    return errors
  },
  validateStatus,
  columns: [nameColumn, text("State", stateOf), ageColumn],
}

export const resourceClaimTemplate: KindBehaviour<Template> = {
  default: (draft) => defaultSpec(draft.spec?.spec),
  validate({ spec }, previous) {
    const errors: Errors = []
    if (previous) checkImmutable(errors, "spec", spec, previous.spec)
    else checkSpec(errors, "spec.spec", spec?.spec)
    return errors
  },
  columns: [nameColumn, ageColumn],
}
