import { fieldError, formatLabelSelector, isDns1123Subdomain } from "@ladya/apimachinery"
import { workloadWarnings } from "../../../core/v1/pod/warnings/index.ts"
import type * as batchv1 from "../../../generated/types/batchv1.ts"
import { parseCron } from "../../../helpers/cron.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, containerColumns, integer, nameColumn, text, wide } from "../../../printing/columns.ts"
import { ageOf } from "../../../printing/duration.ts"
import { specStatusStrategy } from "../../../strategy.ts"
import { checkNonNegative, checkOneOf, type Errors } from "../../../validation/checks.ts"
import { defaultJobTemplateSpec } from "../job/defaults.ts"
import { checkJobSpec } from "../job/validation.ts"

type CronJob = batchv1.CronJob

/** Leaves room for the suffix of the Jobs it makes. */
const maxNameLength = 52

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name })
    return true
  } catch {
    return false
  }
}

function checkSchedule(errors: Errors, spec: batchv1.CronJobSpec): void {
  const path = "spec.schedule"
  if (!spec.schedule) {
    errors.push(fieldError.required(path))
    return
  }
  if (spec.schedule.includes("TZ")) {
    errors.push(
      fieldError.invalid(path, spec.schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    )
    return
  }
  try {
    parseCron(spec.schedule)
  } catch (error) {
    errors.push(fieldError.invalid(path, spec.schedule, error instanceof Error ? error.message : String(error)))
  }
}

function checkTimeZone(errors: Errors, zone: string | undefined): void {
  if (zone === undefined) return
  const path = "spec.timeZone"
  if (zone === "") errors.push(fieldError.invalid(path, zone, "timeZone must be nil or non-empty string"))
  else if (zone.toLowerCase() === "local") {
    errors.push(
      fieldError.invalid(
        path,
        zone,
        "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
      ),
    )
  } else if (!isTimeZone(zone)) errors.push(fieldError.invalid(path, zone, `unknown time zone ${zone}`))
}

function validate(next: CronJob, previous: CronJob | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec
  if (!spec) return [fieldError.required("spec")]
  checkSchedule(errors, spec)
  checkNonNegative(errors, "spec.startingDeadlineSeconds", spec.startingDeadlineSeconds)
  if (spec.timeZone !== previous?.spec?.timeZone) checkTimeZone(errors, spec.timeZone)
  checkOneOf(errors, "spec.concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"])
  checkNonNegative(errors, "spec.successfulJobsHistoryLimit", spec.successfulJobsHistoryLimit)
  checkNonNegative(errors, "spec.failedJobsHistoryLimit", spec.failedJobsHistoryLimit)
  const jobSpec = spec.jobTemplate?.spec ?? { template: {} }
  checkJobSpec(errors, "spec.jobTemplate.spec", jobSpec)
  if (jobSpec.selector && !jobSpec.manualSelector) {
    const detail = "`selector` will be auto-generated"
    errors.push(fieldError.invalid("spec.jobTemplate.spec.selector", jobSpec.selector, detail))
  }
  if (jobSpec.manualSelector) {
    errors.push(
      fieldError.notSupported("spec.jobTemplate.spec.manualSelector", jobSpec.manualSelector, ["nil", "false"]),
    )
  }
  return errors
}

const columns: readonly Column<CronJob>[] = [
  nameColumn,
  text("Schedule", ({ spec }) => spec?.schedule ?? ""),
  text("Timezone", ({ spec }) => spec?.timeZone ?? "<none>"),
  text("Suspend", ({ spec }) => (spec?.suspend ? "True" : "False")),
  integer("Active", ({ status }) => status?.active?.length ?? 0),
  text("Last Schedule", ({ status }, now) =>
    status?.lastScheduleTime ? ageOf(status.lastScheduleTime, now) : "<none>",
  ),
  ageColumn,
  ...containerColumns<CronJob>(({ spec }) => spec?.jobTemplate?.spec?.template.spec),
  wide(text("Selector", ({ spec }) => formatLabelSelector(spec?.jobTemplate?.spec?.selector))),
]

export const cronJob: KindBehaviour<CronJob> = {
  default(draft) {
    draft.spec ??= { schedule: "", jobTemplate: {} }
    const { spec } = draft
    spec.concurrencyPolicy ||= "Allow"
    spec.suspend ??= false
    spec.successfulJobsHistoryLimit ??= 3
    spec.failedJobsHistoryLimit ??= 1
    spec.jobTemplate ??= {}
    spec.jobTemplate.metadata ??= {}
    spec.jobTemplate.spec ??= { template: {} }
    defaultJobTemplateSpec(spec.jobTemplate.spec)
    draft.status ??= {}
  },
  ...specStatusStrategy(),
  validate,
  validateName(name) {
    const errors = isDns1123Subdomain(name)
    if (name.length > maxNameLength) errors.push(`must be no more than ${maxNameLength} characters`)
    return errors
  },
  warnings: workloadWarnings("spec.jobTemplate.spec.template", ({ spec }) => spec?.jobTemplate?.spec?.template),
  columns,
}
