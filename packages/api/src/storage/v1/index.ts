import { fieldError, isQualifiedName, semanticEqual } from "@ladya/apimachinery"
import { checkCsiDriverName } from "../../core/v1/pod/validation-volumes.ts"
import type * as corev1 from "../../generated/types/corev1.ts"
import type * as storagev1 from "../../generated/types/storagev1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn, text } from "../../printing/columns.ts"
import { generationStrategy, keepField } from "../../strategy.ts"
import {
  checkImmutable,
  checkLabelName,
  checkOneOf,
  checkRequired,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
} from "../../validation/checks.ts"

const defaultClass = "storageclass.kubernetes.io/is-default-class"
const isDefaultClass = ({ metadata }: storagev1.StorageClass): boolean =>
  metadata.annotations?.[defaultClass] === "true"

// Where volumes may be made: each key is named once in a term, each value once for a key, and no term twice.
function checkTopologies(
  errors: Errors,
  path: string,
  terms: readonly corev1.TopologySelectorTerm[] | undefined,
): void {
  const seen: corev1.TopologySelectorTerm[] = []
  for (const [term, at] of indexed(path, terms)) {
    const keys = new Set<string>()
    for (const [one, oneAt] of indexed(`${at}.matchLabelExpressions`, term.matchLabelExpressions)) {
      const { key = "", values = [] } = one
      if (values.length === 0) errors.push(fieldError.required(`${oneAt}.values`))
      const known = new Set<string>()
      for (const [value, valueAt] of indexed(`${oneAt}.values`, values)) {
        if (known.has(value)) errors.push(fieldError.duplicate(valueAt, value))
        known.add(value)
      }
      checkLabelName(errors, `${oneAt}.key`, key)
      if (keys.has(key)) errors.push(fieldError.duplicate(`${oneAt}.key`, key))
      keys.add(key)
    }
    if (seen.some((other) => semanticEqual(other, term))) {
      errors.push(fieldError.duplicate(`${at}.matchLabelExpressions`, ""))
    }
    seen.push(term)
  }
}

export const storageClass: KindBehaviour<storagev1.StorageClass> = {
  default(draft) {
    draft.reclaimPolicy ??= "Delete"
    draft.volumeBindingMode ??= "Immediate"
  },
  validate(next, previous) {
    const errors: Errors = []
    if (checkRequired(errors, "provisioner", next.provisioner)) {
      checkTexts(errors, "provisioner", next.provisioner, isQualifiedName(next.provisioner.toLowerCase()))
    }
    const parameters = Object.entries(next.parameters ?? {})
    if (parameters.length > 512) errors.push(fieldError.tooLong("parameters", 512))
    if (parameters.some(([key]) => key === "")) {
      errors.push(fieldError.invalid("parameters", "", "field can not be empty."))
    }
    checkSupported(errors, "reclaimPolicy", next.reclaimPolicy, ["Delete", "Retain"])
    checkOneOf(errors, "volumeBindingMode", next.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"])
    checkTopologies(errors, "allowedTopologies", next.allowedTopologies)
    if (!previous) return errors
    checkImmutable(errors, "allowedTopologies", next.allowedTopologies, previous.allowedTopologies)
    if (!semanticEqual(next.parameters, previous.parameters)) {
      errors.push(fieldError.forbidden("parameters", "updates to parameters are forbidden."))
    }
    if (next.provisioner !== previous.provisioner) {
      errors.push(fieldError.forbidden("provisioner", "updates to provisioner are forbidden."))
    }
    if (next.reclaimPolicy !== previous.reclaimPolicy) {
      errors.push(fieldError.forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden."))
    }
    checkImmutable(errors, "volumeBindingMode", next.volumeBindingMode, previous.volumeBindingMode)
    return errors
  },
  columns: [
    {
      ...nameColumn,
      cell: (entry: storagev1.StorageClass) => `${entry.metadata.name}${isDefaultClass(entry) ? " (default)" : ""}`,
    },
    text("Provisioner", ({ provisioner }) => provisioner),
    text("ReclaimPolicy", ({ reclaimPolicy }) => reclaimPolicy ?? "Delete"),
    text("VolumeBindingMode", ({ volumeBindingMode }) => volumeBindingMode ?? "Immediate"),
    text("AllowVolumeExpansion", ({ allowVolumeExpansion }) => String(allowVolumeExpansion ?? false)),
    ageColumn,
  ],
}

export const csiDriver: KindBehaviour<storagev1.CSIDriver> = {
  default(draft) {
    draft.spec ??= {}
    const { spec } = draft
    spec.attachRequired ??= true
    spec.podInfoOnMount ??= false
    spec.storageCapacity ??= false
    spec.fsGroupPolicy ??= "ReadWriteOnceWithFSType"
    spec.requiresRepublish ??= false
    spec.seLinuxMount ??= false
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ["Persistent"]
  },
  ...generationStrategy(),
  validate(next, previous) {
    const errors: Errors = []
    if (!previous) checkCsiDriverName(errors, "metadata.name", next.metadata.name)
    const policies = ["File", "None", "ReadWriteOnceWithFSType"]
    checkSupported(errors, "spec.fsGroupPolicy", next.spec?.fsGroupPolicy, policies)
    const audiences = new Set<string>()
    for (const [request, at] of indexed("spec.tokenRequests", next.spec?.tokenRequests)) {
      const { audience = "", expirationSeconds: seconds } = request
      if (audiences.has(audience)) errors.push(fieldError.duplicate(`${at}.audience`, audience))
      audiences.add(audience)
      if (seconds === undefined) continue
      if (seconds < 600) {
        const detail = "may not specify a duration less than 10 minutes"
        errors.push(fieldError.invalid(`${at}.expirationSeconds`, seconds, detail))
      } else if (seconds > 2 ** 32) {
        const detail = "may not specify a duration larger than 2^32 seconds"
        errors.push(fieldError.invalid(`${at}.expirationSeconds`, seconds, detail))
      }
    }
    for (const mode of next.spec?.volumeLifecycleModes ?? []) {
      checkSupported(errors, "spec.volumeLifecycleModes", mode, ["Ephemeral", "Persistent"])
    }
    if (previous) {
      checkImmutable(errors, "spec.attachRequired", next.spec?.attachRequired, previous.spec?.attachRequired)
      checkImmutable(
        errors,
        "spec.volumeLifecycleModes",
        next.spec?.volumeLifecycleModes,
        previous.spec?.volumeLifecycleModes,
      )
    }
    return errors
  },
  columns: [
    nameColumn,
    text("AttachRequired", ({ spec }) => String(spec?.attachRequired ?? true)),
    text("PodInfoOnMount", ({ spec }) => String(spec?.podInfoOnMount ?? false)),
    text("StorageCapacity", ({ spec }) => String(spec?.storageCapacity ?? false)),
    text(
      "TokenRequests",
      ({ spec }) => (spec?.tokenRequests ?? []).map(({ audience }) => audience).join(",") || "<unset>",
    ),
    text("RequiresRepublish", ({ spec }) => String(spec?.requiresRepublish ?? false)),
    text("Modes", ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(",") || "<none>"),
    ageColumn,
  ],
}

export const csiNode: KindBehaviour<storagev1.CSINode> = {
  validate({ spec }) {
    const errors: Errors = []
    const names = new Set<string>()
    for (const [driver, at] of indexed("spec.drivers", spec?.drivers)) {
      checkCsiDriverName(errors, `${at}.name`, driver.name)
      checkRequired(errors, `${at}.nodeID`, driver.nodeID)
      if (names.has(driver.name)) errors.push(fieldError.duplicate(`${at}.name`, driver.name))
      names.add(driver.name)
    }
    return errors
  },
  columns: [nameColumn, integer("Drivers", ({ spec }) => spec?.drivers?.length ?? 0), ageColumn],
}

export const volumeAttachment: KindBehaviour<storagev1.VolumeAttachment> = {
  default(draft) {
    draft.status ??= { attached: false }
    draft.status.attached ??= false
  },
  prepareForCreate(draft) {
    draft.status = { attached: false }
  },
  prepareForUpdate: (draft, previous) => keepField(draft, previous, "status"),
  prepareForStatusUpdate: (draft, previous) => keepField(draft, previous, "spec"),
  validate(next, previous) {
    const errors: Errors = []
    checkCsiDriverName(errors, "spec.attacher", next.spec?.attacher)
    checkRequired(errors, "spec.nodeName", next.spec?.nodeName)
    const { persistentVolumeName, inlineVolumeSpec } = next.spec?.source ?? {}
    if (!persistentVolumeName && !inlineVolumeSpec) {
      errors.push(
        fieldError.required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
      )
    } else if (persistentVolumeName && inlineVolumeSpec) {
      errors.push(
        fieldError.forbidden("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
      )
    }
    if (previous) checkImmutable(errors, "spec", next.spec, previous.spec)
    return errors
  },
  columns: [
    nameColumn,
    text("Attacher", ({ spec }) => spec?.attacher ?? ""),
    text("PV", ({ spec }) => spec?.source?.persistentVolumeName ?? ""),
    text("Node", ({ spec }) => spec?.nodeName ?? ""),
    text("Attached", ({ status }) => String(status?.attached ?? false)),
    ageColumn,
  ],
}
