import type * as resourcev1 from "../../generated/types/resourcev1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn } from "../../printing/columns.ts"
import { generationStrategy } from "../../strategy.ts"
import { checkLabelName, type Errors, indexed } from "../../validation/checks.ts"
import { checkCount, checkOpaque, checkSelectors, limits } from "./devices.ts"

/** A choice of devices that users name without knowing the hardware (KEP-4381). */
export const deviceClass: KindBehaviour<resourcev1.DeviceClass> = {
  ...generationStrategy(),
  validate({ spec }) {
    const errors: Errors = []
    checkSelectors(errors, "spec.selectors", spec?.selectors)
    checkCount(errors, "spec.config", spec?.config, limits.config)
    for (const [config, at] of indexed("spec.config", spec?.config)) checkOpaque(errors, at, config)
    if (spec?.extendedResourceName) checkLabelName(errors, "spec.extendedResourceName", spec.extendedResourceName)
    return errors
  },
  columns: [nameColumn, ageColumn],
}
