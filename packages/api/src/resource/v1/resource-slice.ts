import { fieldError } from "@ladya/apimachinery"
import { checkNodeSelector } from "../../core/v1/pod/validation-scheduling.ts"
import type * as resourcev1 from "../../generated/types/resourcev1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { generationStrategy } from "../../strategy.ts"
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkImmutable,
  checkPositive,
  checkQuantity,
  checkRequired,
  type Errors,
  indexed,
} from "../../validation/checks.ts"
import { checkCount, checkDeviceTaint, checkDriver, checkPool, checkQualifiedName, limits } from "./devices.ts"

type Slice = resourcev1.ResourceSlice

const valueFields = ["bool", "bools", "int", "ints", "string", "strings", "version", "versions"] as const
const semantic = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/

function checkAttribute(errors: Errors, path: string, attribute: resourcev1.DeviceAttribute): void {
  const set = valueFields.filter((field) => attribute[field] !== undefined)
  if (set.length === 0) errors.push(fieldError.required(path, "exactly one value must be specified"))
  if (set.length > 1) errors.push(fieldError.invalid(path, attribute, "exactly one value must be specified"))
  const { string, version } = attribute
  if (string !== undefined && string.length > 64) errors.push(fieldError.tooLong(`${path}.string`, 64))
  if (version === undefined) return
  if (!semantic.test(version)) {
    const detail = "must be a string compatible with semver.org spec 2.0.0"
    errors.push(fieldError.invalid(`${path}.version`, version, detail))
  }
  if (version.length > 64) errors.push(fieldError.tooLong(`${path}.version`, 64))
}

function checkDevice(errors: Errors, path: string, device: resourcev1.Device): void {
  if (checkRequired(errors, `${path}.name`, device.name)) checkDnsLabel(errors, `${path}.name`, device.name)
  const attributes = Object.entries(device.attributes ?? {})
  const capacities = Object.entries(device.capacity ?? {})
  const count = attributes.length + capacities.length
  if (count > limits.attributesAndCapacities) {
    const detail = `the total number of attributes and capacities must not exceed ${limits.attributesAndCapacities}`
    errors.push(fieldError.invalid(path, count, detail))
  }
  for (const [name, attribute] of attributes) {
    checkQualifiedName(errors, `${path}.attributes`, name)
    checkAttribute(errors, `${path}.attributes[${name}]`, attribute)
  }
  for (const [name, capacity] of capacities) {
    checkQualifiedName(errors, `${path}.capacity`, name)
    checkQuantity(errors, `${path}.capacity[${name}].value`, capacity.value)
  }
  checkCount(errors, `${path}.taints`, device.taints, limits.taints)
  for (const [taint, at] of indexed(`${path}.taints`, device.taints)) checkDeviceTaint(errors, at, taint)
}

function checkPlace(errors: Errors, spec: resourcev1.ResourceSliceSpec): void {
  const { nodeName, nodeSelector, allNodes, perDeviceNodeSelection } = spec
  const given = [nodeName, nodeSelector, allNodes, perDeviceNodeSelection].filter(Boolean).length
  const detail = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
  if (given === 0) errors.push(fieldError.required("spec", detail))
  if (given > 1) errors.push(fieldError.invalid("spec", "<value omitted>", detail))
  if (nodeName) checkDnsSubdomain(errors, "spec.nodeName", nodeName)
  if (nodeSelector) {
    checkNodeSelector(errors, "spec.nodeSelector", nodeSelector)
    const terms = nodeSelector.nodeSelectorTerms?.length ?? 0
    if (terms !== 1) {
      errors.push(
        fieldError.invalid("spec.nodeSelector.nodeSelectorTerms", terms, "must have exactly one node selector term"),
      )
    }
  }
}

/** What a driver says of the devices of one pool (KEP-4381). */
export const resourceSlice: KindBehaviour<Slice> = {
  ...generationStrategy(),
  validate({ spec }, previous) {
    const errors: Errors = []
    if (!spec) return [fieldError.required("spec")]
    checkDriver(errors, "spec.driver", spec.driver)
    checkPool(errors, "spec.pool.name", spec.pool?.name)
    checkPositive(errors, "spec.pool.resourceSliceCount", spec.pool?.resourceSliceCount ?? 0)
    if ((spec.pool?.generation ?? 0) < 0) {
      errors.push(
        fieldError.invalid("spec.pool.generation", spec.pool.generation, "must be greater than or equal to zero"),
      )
    }
    checkPlace(errors, spec)
    checkCount(errors, "spec.devices", spec.devices, limits.devices)
    const names = new Set<string>()
    for (const [device, at] of indexed("spec.devices", spec.devices)) {
      checkDevice(errors, at, device)
      if (names.has(device.name)) errors.push(fieldError.duplicate(`${at}.name`, device.name))
      names.add(device.name)
    }
    if (!previous) return errors
    checkImmutable(errors, "spec.driver", spec.driver, previous.spec?.driver)
    checkImmutable(errors, "spec.pool.name", spec.pool?.name, previous.spec?.pool?.name)
    checkImmutable(errors, "spec.nodeName", spec.nodeName, previous.spec?.nodeName)
    return errors
  },
  selectableFields: ({ spec }) => ({ "spec.nodeName": spec?.nodeName ?? "", "spec.driver": spec?.driver ?? "" }),
  columns: [
    nameColumn,
    text("Node", ({ spec }) => spec?.nodeName || (spec?.allNodes ? "<all>" : "<unset>")),
    text("Driver", ({ spec }) => spec?.driver ?? ""),
    text("Pool", ({ spec }) => spec?.pool?.name ?? ""),
    ageColumn,
  ],
}
