import { fieldError } from "@ladya/apimachinery"
import type * as storagemigrationv1beta1 from "../../generated/types/storagemigrationv1beta1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { specStatusStrategy } from "../../strategy.ts"
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkImmutable,
  checkRequired,
  type Errors,
  indexed,
} from "../../validation/checks.ts"

/** A rewrite of all objects of a resource into its storage version (KEP-4192). */
export const storageVersionMigration: KindBehaviour<storagemigrationv1beta1.StorageVersionMigration> = {
  ...specStatusStrategy(),
  validate(next, previous) {
    const errors: Errors = []
    const { group, resource } = next.spec?.resource ?? {}
    if (checkRequired(errors, "spec.resource.resource", resource)) {
      checkDnsLabel(errors, "spec.resource.resource", resource ?? "")
    }
    if (group) checkDnsSubdomain(errors, "spec.resource.group", group)
    if (previous) checkImmutable(errors, "spec.resource", next.spec?.resource, previous.spec?.resource)
    return errors
  },
  validateStatus(next) {
    const errors: Errors = []
    const types = new Map<string, string>()
    for (const [{ type, status }, at] of indexed("status.conditions", next.status?.conditions)) {
      if (types.has(type)) errors.push(fieldError.duplicate(`${at}.type`, type))
      types.set(type, status)
    }
    const ended = [...types].filter(
      ([type, status]) => status === "True" && (type === "Succeeded" || type === "Failed"),
    )
    if (ended.length === 2) {
      errors.push(fieldError.invalid("status.conditions", "Failed", "Succeeded and Failed are mutually exclusive"))
    }
    return errors
  },
  columns: [
    nameColumn,
    text("Resource", ({ spec }) => [spec?.resource?.resource, spec?.resource?.group].filter(Boolean).join(".")),
    ageColumn,
  ],
}
