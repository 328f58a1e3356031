import { fieldError } from "@ladya/apimachinery"
import type * as coordinationv1beta1 from "../../../generated/types/coordinationv1beta1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, text, wide } from "../../../printing/columns.ts"
import { checkDnsSubdomain, checkOneOf, checkRequired, type Errors } from "../../../validation/checks.ts"

const strategies = ["OldestEmulationVersion"]
const isVersion = (text: string): boolean => /^v?\d+\.\d+(\.\d+)?([-+].*)?$/.test(text)
const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number)

function isNewer(left: string, right: string): boolean {
  const [a, b] = [numbers(left), numbers(right)]
  const at = [0, 1, 2].find((index) => (a[index] ?? 0) !== (b[index] ?? 0))
  return at !== undefined && (a[at] ?? 0) > (b[at] ?? 0)
}

/** A component that would take a Lease when the election picks it (KEP-4355). */
export const leaseCandidate: KindBehaviour<coordinationv1beta1.LeaseCandidate> = {
  validate({ spec }, previous) {
    const errors: Errors = []
    if (checkRequired(errors, "spec.leaseName", spec?.leaseName)) {
      checkDnsSubdomain(errors, "spec.leaseName", spec.leaseName)
    }
    if (previous && previous.spec?.leaseName !== spec?.leaseName) {
      errors.push(fieldError.invalid("spec.leaseName", spec?.leaseName, "field is immutable"))
    }
    const { binaryVersion, emulationVersion, strategy } = spec ?? {}
    if (checkRequired(errors, "spec.binaryVersion", binaryVersion) && !isVersion(binaryVersion ?? "")) {
      errors.push(fieldError.invalid("spec.binaryVersion", binaryVersion, "not a valid semantic version"))
    }
    checkOneOf(errors, "spec.strategy", strategy, strategies)
    if (strategy === "OldestEmulationVersion" && !emulationVersion) {
      errors.push(
        fieldError.required("spec.emulationVersion", "must be specified when `strategy` is 'OldestEmulationVersion'"),
      )
    }
    if (!emulationVersion) return errors
    if (!isVersion(emulationVersion)) {
      errors.push(fieldError.invalid("spec.emulationVersion", emulationVersion, "not a valid semantic version"))
    } else if (binaryVersion && isVersion(binaryVersion) && isNewer(emulationVersion, binaryVersion)) {
      const detail = `must be less than or equal to "${binaryVersion}"`
      errors.push(fieldError.invalid("spec.emulationVersion", emulationVersion, detail))
    }
    return errors
  },
  columns: [
    nameColumn,
    text("LeaseName", ({ spec }) => spec?.leaseName ?? ""),
    text("BinaryVersion", ({ spec }) => spec?.binaryVersion ?? ""),
    text("EmulationVersion", ({ spec }) => spec?.emulationVersion ?? ""),
    wide(text("RenewTime", ({ spec }) => spec?.renewTime ?? "")),
    wide(text("PingTime", ({ spec }) => spec?.pingTime ?? "")),
    wide(text("Strategy", ({ spec }) => spec?.strategy ?? "")),
    ageColumn,
  ],
  allowCreateOnUpdate: true,
}
