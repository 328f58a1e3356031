import { fieldError, formatLabelSelector } from "@ladya/apimachinery"
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts"
import { workloadWarnings } from "../../../core/v1/pod/warnings/index.ts"
import type * as appsv1 from "../../../generated/types/appsv1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, containerColumns, integer, nameColumn, text, wide } from "../../../printing/columns.ts"
import { specStatusStrategy } from "../../../strategy.ts"
import { checkImmutable, checkNonNegative, type Errors } from "../../../validation/checks.ts"
import { checkReplicaStatus } from "../../../validation/replica-status.ts"
import { checkSelector, checkServingTemplate, selectorText } from "../../../validation/templates.ts"

type ReplicaSet = appsv1.ReplicaSet

const strategy = specStatusStrategy()

function validate(next: ReplicaSet, previous: ReplicaSet | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec
  if (!spec) return [fieldError.required("spec")]
  checkNonNegative(errors, "spec.replicas", spec.replicas)
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds)
  const selector = checkSelector(errors, "spec.selector", spec.selector, "deployment")
  checkServingTemplate(errors, "spec.template", spec.template, selector, "ReplicaSet")
  if (previous) checkImmutable(errors, "spec.selector", spec.selector, previous.spec?.selector)
  return errors
}

const columns: readonly Column<ReplicaSet>[] = [
  nameColumn,
  integer("Desired", ({ spec }) => spec?.replicas ?? 0),
  integer("Current", ({ status }) => status?.replicas ?? 0),
  integer("Ready", ({ status }) => status?.readyReplicas ?? 0),
  ageColumn,
  ...containerColumns<ReplicaSet>(({ spec }) => spec?.template?.spec),
  wide(text("Selector", ({ spec }) => formatLabelSelector(spec?.selector))),
]

export const replicaSet: KindBehaviour<ReplicaSet> = {
  default(draft) {
    draft.spec ??= { selector: undefined as never }
    draft.spec.replicas ??= 1
    draft.spec.template ??= {}
    defaultPodTemplate(draft.spec.template)
    draft.status ??= { replicas: 0 }
    draft.status.replicas ??= 0
  },
  ...strategy,
  prepareForCreate(draft) {
    strategy.prepareForCreate(draft)
    draft.status = { replicas: 0 }
  },
  validate,
  validateStatus(next) {
    const errors: Errors = []
    const fields = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"]
    checkReplicaStatus(errors, { ...next.status }, fields)
    return errors
  },
  warnings: workloadWarnings("spec.template", ({ spec }) => spec?.template),
  selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
  columns,
  scale: {
    read: ({ spec, status }) => ({
      specReplicas: spec?.replicas ?? 0,
      statusReplicas: status?.replicas ?? 0,
      selector: selectorText(spec?.selector),
    }),
    write(draft, replicas) {
      if (draft.spec) draft.spec.replicas = replicas
    },
  },
}
