import { fieldError } from "@ladya/apimachinery"
import type * as resourcev1alpha3 from "../../generated/types/resourcev1alpha3.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { specStatusStrategy } from "../../strategy.ts"
import { checkDnsLabel, checkImmutable, checkNonNegative, type Errors } from "../../validation/checks.ts"
import { checkDeviceTaint, checkDriver, checkPool } from "./devices.ts"

/** Taints devices from outside their driver (KEP-5055). */
export const deviceTaintRule: KindBehaviour<resourcev1alpha3.DeviceTaintRule> = {
  ...specStatusStrategy(),
  validate({ spec }) {
    const errors: Errors = []
    const { driver, pool, device } = spec?.deviceSelector ?? {}
    if (driver !== undefined) checkDriver(errors, "spec.deviceSelector.driver", driver)
    if (pool !== undefined) checkPool(errors, "spec.deviceSelector.pool", pool)
    if (device !== undefined) checkDnsLabel(errors, "spec.deviceSelector.device", device)
    checkDeviceTaint(errors, "spec.taint", spec?.taint)
    return errors
  },
  columns: [
    nameColumn,
    text("Taint", ({ spec }) => `${spec?.taint?.key ?? ""}:${spec?.taint?.effect ?? ""}`),
    ageColumn,
  ],
}

const mostPools = 1000

/** Asks once how much of a driver's pools is free (KEP-5677). */
export const resourcePoolStatusRequest: KindBehaviour<resourcev1alpha3.ResourcePoolStatusRequest> = {
  ...specStatusStrategy(),
  default(draft) {
    if (draft.spec) draft.spec.limit ??= 100
  },
  validate({ spec }, previous) {
    const errors: Errors = []
    checkDriver(errors, "spec.driver", spec?.driver)
    if (spec?.poolName !== undefined) checkPool(errors, "spec.poolName", spec.poolName)
    const limit = spec?.limit
    if (limit !== undefined && (limit < 1 || limit > mostPools)) {
      errors.push(fieldError.invalid("spec.limit", limit, `must be between 1 and ${mostPools}, inclusive`))
    }
    if (previous) checkImmutable(errors, "spec", spec, previous.spec)
    return errors
  },
  validateStatus({ status }) {
    const errors: Errors = []
    checkNonNegative(errors, "status.poolCount", status?.poolCount)
    return errors
  },
  columns: [
    nameColumn,
    text("Driver", ({ spec }) => spec?.driver ?? ""),
    text("Pool", ({ spec }) => spec?.poolName ?? "<all>"),
    ageColumn,
  ],
}
