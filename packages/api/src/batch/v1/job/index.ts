import { formatLabelSelector, isConditionTrue } from "@ladya/apimachinery"
import { workloadWarnings } from "../../../core/v1/pod/warnings/index.ts"
import type * as batchv1 from "../../../generated/types/batchv1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, containerColumns, nameColumn, text, wide } from "../../../printing/columns.ts"
import { humanDuration } from "../../../printing/duration.ts"
import { specStatusStrategy } from "../../../strategy.ts"
import { checkNonNegative, type Errors } from "../../../validation/checks.ts"
import { defaultJob } from "./defaults.ts"
import { generatedLabels, validateJob } from "./validation.ts"

type Job = batchv1.Job

const strategy = specStatusStrategy()

// Each Job selects its own pods by its uid, unless the client takes that on itself.
function ownSelector(job: Job): void {
  const { metadata, spec } = job
  if (!spec || spec.manualSelector) return
  const template = spec.template
  template.metadata ??= {}
  // What a client wrote itself stays: validation says what is wrong with it.
  template.metadata.labels = { ...generatedLabels(job), ...template.metadata.labels }
  spec.selector ??= {}
  spec.selector.matchLabels = { ...spec.selector.matchLabels, "batch.kubernetes.io/controller-uid": metadata.uid ?? "" }
}

function statusText({ metadata, status }: Job): string {
  for (const type of ["Complete", "Failed"]) if (isConditionTrue(status?.conditions, type)) return type
  if (metadata.deletionTimestamp) return "Terminating"
  for (const type of ["Suspended", "FailureTarget", "SuccessCriteriaMet"]) {
    if (isConditionTrue(status?.conditions, type)) return type
  }
  return "Running"
}

function completionsText({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`
  const parallelism = spec?.parallelism ?? 0
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}

function durationText({ status }: Job, now: number): string {
  if (!status?.startTime) return ""
  const end = status.completionTime ? Date.parse(status.completionTime) : now
  return humanDuration(end - Date.parse(status.startTime))
}

const columns: readonly Column<Job>[] = [
  nameColumn,
  text("Status", statusText),
  text("Completions", completionsText),
  text("Duration", durationText),
  ageColumn,
  ...containerColumns<Job>(({ spec }) => spec?.template.spec),
  wide(text("Selector", ({ spec }) => formatLabelSelector(spec?.selector))),
]

export const job: KindBehaviour<Job> = {
  default: defaultJob,
  ...strategy,
  prepareForCreate(draft) {
    strategy.prepareForCreate(draft)
    draft.status = {}
    ownSelector(draft)
  },
  validate: validateJob,
  validateStatus({ status = {} }) {
    const errors: Errors = []
    for (const name of ["active", "succeeded", "failed", "ready", "terminating"] as const) {
      checkNonNegative(errors, `status.${name}`, status[name])
    }
    return errors
  },
  warnings: workloadWarnings("spec.template", ({ spec }) => spec?.template),
  selectableFields: ({ status }) => ({ "status.successful": String(status?.succeeded ?? 0) }),
  columns,
}
