import { fieldError, formatLabelSelector } from "@ladya/apimachinery"
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts"
import { workloadWarnings } from "../../../core/v1/pod/warnings/index.ts"
import type * as appsv1 from "../../../generated/types/appsv1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, containerColumns, nameColumn, text, wide } from "../../../printing/columns.ts"
import { bumpGeneration, keepField, keepSystemMetadata, startGeneration } from "../../../strategy.ts"
import { checkImmutable, checkNonNegative, type Errors } from "../../../validation/checks.ts"
import { checkReplicaStatus } from "../../../validation/replica-status.ts"
import {
  checkIntOrPercent,
  checkNotOver100,
  checkSelector,
  checkServingTemplate,
  isZero,
  selectorText,
} from "../../../validation/templates.ts"

type Deployment = appsv1.Deployment

function defaults(draft: Deployment): void {
  draft.spec ??= { selector: undefined as never, template: {} }
  const { spec } = draft
  spec.replicas ??= 1
  spec.strategy ??= {}
  spec.strategy.type ||= "RollingUpdate"
  if (spec.strategy.type === "RollingUpdate") {
    spec.strategy.rollingUpdate ??= {}
    spec.strategy.rollingUpdate.maxUnavailable ??= "25%"
    spec.strategy.rollingUpdate.maxSurge ??= "25%"
  }
  spec.revisionHistoryLimit ??= 10
  spec.progressDeadlineSeconds ??= 600
  spec.template ??= {}
  defaultPodTemplate(spec.template)
}

function checkStrategy(errors: Errors, path: string, strategy: appsv1.DeploymentStrategy | undefined): void {
  const rolling = strategy?.rollingUpdate
  const at = `${path}.rollingUpdate`
  if (!strategy?.type) errors.push(fieldError.required(`${path}.type`))
  else if (strategy.type === "Recreate") {
    if (rolling) errors.push(fieldError.forbidden(at, "may not be specified when strategy `type` is 'Recreate'"))
  } else if (strategy.type === "RollingUpdate") {
    checkIntOrPercent(errors, `${at}.maxUnavailable`, rolling?.maxUnavailable)
    checkIntOrPercent(errors, `${at}.maxSurge`, rolling?.maxSurge)
    if (isZero(rolling?.maxUnavailable) && isZero(rolling?.maxSurge)) {
      const detail = "may not be 0 when `maxSurge` is 0"
      errors.push(fieldError.invalid(`${at}.maxUnavailable`, rolling?.maxUnavailable, detail))
    }
    checkNotOver100(errors, `${at}.maxUnavailable`, rolling?.maxUnavailable)
  } else {
    errors.push(fieldError.notSupported(path, strategy, ["Recreate", "RollingUpdate"]))
  }
}

function validate(next: Deployment, previous: Deployment | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec
  if (!spec) return [fieldError.required("spec")]
  checkNonNegative(errors, "spec.replicas", spec.replicas)
  const selector = checkSelector(errors, "spec.selector", spec.selector, "deployment")
  checkServingTemplate(errors, "spec.template", spec.template, selector, "ReplicaSet")
  checkStrategy(errors, "spec.strategy", spec.strategy)
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds)
  checkNonNegative(errors, "spec.revisionHistoryLimit", spec.revisionHistoryLimit)
  checkNonNegative(errors, "spec.progressDeadlineSeconds", spec.progressDeadlineSeconds)
  const deadline = spec.progressDeadlineSeconds
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    errors.push(fieldError.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
  }
  if (previous) checkImmutable(errors, "spec.selector", spec.selector, previous.spec?.selector)
  return errors
}

const columns: readonly Column<Deployment>[] = [
  nameColumn,
  text("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  text("Up-to-date", ({ status }) => status?.updatedReplicas ?? 0),
  text("Available", ({ status }) => status?.availableReplicas ?? 0),
  ageColumn,
  ...containerColumns<Deployment>(({ spec }) => spec?.template.spec),
  wide(text("Selector", ({ spec }) => formatLabelSelector(spec?.selector))),
]

export const deployment: KindBehaviour<Deployment> = {
  default: defaults,
  prepareForCreate(draft) {
    draft.status = {}
    startGeneration(draft)
  },
  prepareForUpdate(draft, previous) {
    keepField(draft, previous, "status")
    bumpGeneration(draft, previous)
    // Annotations are carried to the ReplicaSets: the controller has work to do when they change.
    const before = JSON.stringify(previous.metadata.annotations ?? {})
    const unbumped = draft.metadata.generation === previous.metadata.generation
    if (unbumped && JSON.stringify(draft.metadata.annotations ?? {}) !== before) {
      draft.metadata.generation = (previous.metadata.generation ?? 0) + 1
    }
  },
  prepareForStatusUpdate(draft, previous) {
    keepField(draft, previous, "spec")
    keepSystemMetadata(draft, previous)
    if (previous.metadata.labels) draft.metadata.labels = previous.metadata.labels
    else delete draft.metadata.labels
  },
  validate,
  validateStatus(next) {
    const errors: Errors = []
    const fields = ["updatedReplicas", "readyReplicas", "availableReplicas"]
    checkReplicaStatus(errors, { ...next.status }, fields)
    return errors
  },
  warnings: workloadWarnings("spec.template", ({ spec }) => spec?.template),
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
