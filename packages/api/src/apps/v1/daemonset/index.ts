import { fieldError, formatLabelSelector, semanticEqual } from "@ladya/apimachinery"
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts"
import { workloadWarnings } from "../../../core/v1/pod/warnings/index.ts"
import type * as appsv1 from "../../../generated/types/appsv1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, containerColumns, integer, mapText, nameColumn, text, wide } from "../../../printing/columns.ts"
import { specStatusStrategy } from "../../../strategy.ts"
import { checkImmutable, checkNonNegative, type Errors } from "../../../validation/checks.ts"
import {
  checkIntOrPercent,
  checkNotOver100,
  checkSelector,
  checkServingTemplate,
  isZero,
} from "../../../validation/templates.ts"

type DaemonSet = appsv1.DaemonSet

const strategy = specStatusStrategy()
const templateGeneration = "deprecated.daemonset.template.generation"
const emptyStatus = {
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
} as const

function setTemplateGeneration(draft: DaemonSet, generation: number): void {
  draft.metadata.annotations = { ...draft.metadata.annotations, [templateGeneration]: String(generation) }
}

function checkUpdateStrategy(errors: Errors, path: string, update: appsv1.DaemonSetUpdateStrategy | undefined): void {
  if (update?.type === "OnDelete") return
  if (update?.type !== "RollingUpdate") {
    errors.push(fieldError.notSupported(`${path}.type`, update?.type ?? "", ["OnDelete", "RollingUpdate"]))
    return
  }
  const rolling = update.rollingUpdate
  const at = `${path}.rollingUpdate`
  if (!rolling) {
    errors.push(fieldError.required(at))
    return
  }
  checkIntOrPercent(errors, `${at}.maxUnavailable`, rolling.maxUnavailable)
  checkIntOrPercent(errors, `${at}.maxSurge`, rolling.maxSurge)
  if (!isZero(rolling.maxUnavailable) && !isZero(rolling.maxSurge)) {
    const detail = "may not be set when maxUnavailable is non-zero"
    errors.push(fieldError.invalid(`${at}.maxSurge`, rolling.maxSurge, detail))
  }
  if (isZero(rolling.maxUnavailable) && isZero(rolling.maxSurge)) {
    errors.push(fieldError.required(`${at}.maxUnavailable`, "cannot be 0 when maxSurge is 0"))
  }
  checkNotOver100(errors, `${at}.maxUnavailable`, rolling.maxUnavailable)
  checkNotOver100(errors, `${at}.maxSurge`, rolling.maxSurge)
}

function validate(next: DaemonSet, previous: DaemonSet | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec
  if (!spec) return [fieldError.required("spec")]
  const selector = checkSelector(errors, "spec.selector", spec.selector, "daemonset")
  checkServingTemplate(errors, "spec.template", spec.template, selector, "DaemonSet")
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds)
  checkUpdateStrategy(errors, "spec.updateStrategy", spec.updateStrategy)
  checkNonNegative(errors, "spec.revisionHistoryLimit", spec.revisionHistoryLimit)
  if (previous) checkImmutable(errors, "spec.selector", spec.selector, previous.spec?.selector)
  return errors
}

const columns: readonly Column<DaemonSet>[] = [
  nameColumn,
  integer("Desired", ({ status }) => status?.desiredNumberScheduled ?? 0),
  integer("Current", ({ status }) => status?.currentNumberScheduled ?? 0),
  integer("Ready", ({ status }) => status?.numberReady ?? 0),
  integer("Up-to-date", ({ status }) => status?.updatedNumberScheduled ?? 0),
  integer("Available", ({ status }) => status?.numberAvailable ?? 0),
  text("Node Selector", ({ spec }) => mapText(spec?.template.spec?.nodeSelector)),
  ageColumn,
  ...containerColumns<DaemonSet>(({ spec }) => spec?.template.spec),
  wide(text("Selector", ({ spec }) => formatLabelSelector(spec?.selector))),
]

export const daemonSet: KindBehaviour<DaemonSet> = {
  default(draft) {
    draft.spec ??= { selector: undefined as never, template: {} }
    const { spec } = draft
    spec.updateStrategy ??= {}
    spec.updateStrategy.type ||= "RollingUpdate"
    if (spec.updateStrategy.type === "RollingUpdate") {
      spec.updateStrategy.rollingUpdate ??= {}
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0
    }
    spec.revisionHistoryLimit ??= 10
    spec.template ??= {}
    defaultPodTemplate(spec.template)
    draft.status = { ...emptyStatus, ...draft.status }
  },
  ...strategy,
  prepareForCreate(draft) {
    strategy.prepareForCreate(draft)
    draft.status = { ...emptyStatus }
    setTemplateGeneration(draft, 1)
  },
  prepareForUpdate(draft, previous) {
    strategy.prepareForUpdate(draft, previous)
    const before = Number(previous.metadata.annotations?.[templateGeneration] ?? 0)
    const changed = !semanticEqual(draft.spec?.template, previous.spec?.template)
    setTemplateGeneration(draft, changed ? before + 1 : before)
  },
  validate,
  validateStatus(next) {
    const errors: Errors = []
    for (const [name, value] of Object.entries(next.status ?? {})) {
      if (typeof value === "number") checkNonNegative(errors, `status.${name}`, value)
    }
    return errors
  },
  warnings: workloadWarnings("spec.template", ({ spec }) => spec?.template, { named: false }),
  columns,
}
