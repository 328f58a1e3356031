import { fieldError, formatLabels, selectorFromMap } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, containerColumns, integer, nameColumn, text, wide } from "../../../printing/columns.ts"
import { specStatusStrategy } from "../../../strategy.ts"
import { checkNonNegative, type Errors } from "../../../validation/checks.ts"
import { checkReplicaStatus } from "../../../validation/replica-status.ts"
import { checkServingTemplate } from "../../../validation/templates.ts"
import { defaultPodTemplate } from "../pod/defaults.ts"
import { workloadWarnings } from "../pod/warnings/index.ts"

type ReplicationController = corev1.ReplicationController

const strategy = specStatusStrategy()
const isEmpty = (map: object | undefined): boolean => Object.keys(map ?? {}).length === 0

function validate(next: ReplicationController): Errors {
  const errors: Errors = []
  const spec = next.spec ?? {}
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds)
  if (isEmpty(spec.selector)) errors.push(fieldError.required("spec.selector"))
  checkNonNegative(errors, "spec.replicas", spec.replicas)
  const selector = isEmpty(spec.selector) ? undefined : selectorFromMap(spec.selector)
  checkServingTemplate(errors, "spec.template", spec.template, selector, "ReplicationController")
  return errors
}

const columns: readonly Column<ReplicationController>[] = [
  nameColumn,
  integer("Desired", ({ spec }) => spec?.replicas ?? 0),
  integer("Current", ({ status }) => status?.replicas ?? 0),
  integer("Ready", ({ status }) => status?.readyReplicas ?? 0),
  ageColumn,
  ...containerColumns<ReplicationController>(({ spec }) => spec?.template?.spec),
  wide(text("Selector", ({ spec }) => formatLabels(spec?.selector))),
]

export const replicationController: KindBehaviour<ReplicationController> = {
  default(draft) {
    draft.spec ??= {}
    const labels = draft.spec.template?.metadata?.labels
    if (labels) {
      if (isEmpty(draft.spec.selector)) draft.spec.selector = { ...labels }
      if (isEmpty(draft.metadata.labels)) draft.metadata.labels = { ...labels }
    }
    draft.spec.replicas ??= 1
    if (draft.spec.template) defaultPodTemplate(draft.spec.template)
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
    checkReplicaStatus(errors, { ...next.status }, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"])
    return errors
  },
  warnings: workloadWarnings("spec.template", ({ spec }) => spec?.template),
  selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
  columns,
  scale: {
    read: ({ spec, status }) => ({
      specReplicas: spec?.replicas ?? 0,
      statusReplicas: status?.replicas ?? 0,
      selector: isEmpty(spec?.selector) ? "" : formatLabels(spec?.selector),
    }),
    write(draft, replicas) {
      draft.spec ??= {}
      draft.spec.replicas = replicas
    },
  },
}
