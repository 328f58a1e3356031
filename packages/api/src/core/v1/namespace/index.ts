import { fieldError, isDns1123Label, validateFinalizers } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, text } from "../../../printing/columns.ts"
import { keepField } from "../../../strategy.ts"
import type { Errors } from "../../../validation/checks.ts"

type Namespace = corev1.Namespace

function labelWithName(namespace: Namespace): void {
  const { name } = namespace.metadata
  if (name) namespace.metadata.labels = { ...namespace.metadata.labels, "kubernetes.io/metadata.name": name }
}

function keepSpecAndStatus(draft: Namespace, previous: Namespace): void {
  keepField(draft, previous, "spec")
  keepField(draft, previous, "status")
}

export const namespace: KindBehaviour<Namespace> = {
  default(draft) {
    labelWithName(draft)
    draft.spec ??= {}
    draft.status ??= {}
    draft.status.phase ||= "Active"
  },
  prepareForCreate(draft) {
    draft.status = { phase: "Active" }
    draft.spec ??= {}
    // The namespace controller empties the namespace before it takes this away.
    const finalizers = draft.spec.finalizers ?? []
    if (!finalizers.includes("kubernetes")) draft.spec.finalizers = [...finalizers, "kubernetes"]
    labelWithName(draft)
  },
  prepareForUpdate: keepSpecAndStatus,
  prepareForStatusUpdate: (draft, previous) => keepField(draft, previous, "spec"),
  validate: (next, previous) => (previous ? [] : validateFinalizers(next.spec?.finalizers, "spec.finalizers")),
  validateStatus(next) {
    const errors: Errors = []
    const phase = next.status?.phase
    if (!next.metadata.deletionTimestamp && phase !== "Active") {
      errors.push(fieldError.invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty"))
    }
    if (next.metadata.deletionTimestamp && phase !== "Terminating") {
      const detail = "may only be 'Terminating' if `deletionTimestamp` is not empty"
      errors.push(fieldError.invalid("status.Phase", phase, detail))
    }
    return errors
  },
  subresourceUpdates: {
    finalize: {
      prepare: (draft, previous) => keepField(draft, previous, "status"),
      validate: (next) => validateFinalizers(next.spec?.finalizers, "spec.finalizers"),
    },
  },
  validateName: isDns1123Label,
  selectableFields: ({ metadata, status }) => ({ name: metadata.name ?? "", "status.phase": status?.phase ?? "" }),
  columns: [nameColumn, text("Status", ({ status }) => status?.phase ?? ""), ageColumn],
}
