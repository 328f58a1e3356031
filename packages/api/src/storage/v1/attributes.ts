import { fieldError, isQuantity, validateLabelSelector } from "@ladya/apimachinery"
import { checkCsiDriverName } from "../../core/v1/pod/validation-volumes.ts"
import type * as storagev1 from "../../generated/types/storagev1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import {
  checkDnsSubdomain,
  checkImmutable,
  checkQuantity,
  checkRequired,
  type Errors,
} from "../../validation/checks.ts"

const maxParameters = 512
const maxParametersSize = 256 * 1024

/** What a volume's driver may change while the volume is in use. All of it is fixed once made. */
export const volumeAttributesClass: KindBehaviour<storagev1.VolumeAttributesClass> = {
  validate(next, previous) {
    const errors: Errors = []
    checkCsiDriverName(errors, "driverName", next.driverName)
    const parameters = Object.entries(next.parameters ?? {})
    if (parameters.length > maxParameters) errors.push(fieldError.tooLong("parameters", maxParameters))
    let size = 0
    for (const [key, value] of parameters) {
      if (key === "") errors.push(fieldError.invalid("parameters", key, "field can not be empty."))
      size += key.length + value.length
    }
    if (size > maxParametersSize) errors.push(fieldError.tooLong("parameters", maxParametersSize))
    if (parameters.length === 0)
      errors.push(fieldError.required("parameters", "must contain at least one key/value pair"))
    if (!previous) return errors
    checkImmutable(errors, "driverName", next.driverName, previous.driverName)
    checkImmutable(errors, "parameters", next.parameters, previous.parameters)
    return errors
  },
  columns: [nameColumn, text("DriverName", ({ driverName }) => driverName), ageColumn],
}

/** How much a driver can still make, for one class and one part of the cluster (KEP-1472). */
export const csiStorageCapacity: KindBehaviour<storagev1.CSIStorageCapacity> = {
  validate(next, previous) {
    const errors: Errors = []
    if (next.nodeTopology) errors.push(...validateLabelSelector(next.nodeTopology, "nodeTopology"))
    if (checkRequired(errors, "storageClassName", next.storageClassName)) {
      checkDnsSubdomain(errors, "storageClassName", next.storageClassName)
    }
    for (const field of ["capacity", "maximumVolumeSize"] as const) {
      const value = next[field]
      if (value !== undefined && (!isQuantity(value) || value.startsWith("-"))) checkQuantity(errors, field, value)
    }
    if (!previous) return errors
    checkImmutable(errors, "nodeTopology", next.nodeTopology, previous.nodeTopology)
    checkImmutable(errors, "storageClassName", next.storageClassName, previous.storageClassName)
    return errors
  },
  columns: [
    nameColumn,
    text("StorageClassName", ({ storageClassName }) => storageClassName),
    text("Capacity", ({ capacity }) => capacity ?? ""),
  ],
}
