import { fieldError, isDns1123Label, utf8Length } from "@ladya/apimachinery"
import { eventFromCore, eventToCore } from "../../../conversions/event.ts"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type * as eventsv1 from "../../../generated/types/eventsv1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { integer, nameColumn, text, wide } from "../../../printing/columns.ts"
import { ageOf } from "../../../printing/duration.ts"
import { checkImmutable, checkRequired, checkTexts, type Errors } from "../../../validation/checks.ts"

type Event = corev1.Event

function validateCore(next: Event): Errors {
  const errors: Errors = []
  const namespace = next.metadata.namespace ?? ""
  const involved = next.involvedObject?.namespace ?? ""
  // Events of things without a namespace are kept in `default`.
  if (involved ? involved !== namespace : !["default", "kube-system"].includes(namespace)) {
    errors.push(fieldError.invalid("involvedObject.namespace", involved, "does not match event.namespace"))
  }
  if (namespace) checkTexts(errors, "namespace", namespace, isDns1123Label(namespace))
  return errors
}

function validateNew(next: eventsv1.Event): Errors {
  const errors: Errors = []
  checkRequired(errors, "eventTime", next.eventTime)
  if (checkRequired(errors, "reportingController", next.reportingController)) {
    const bytes = utf8Length(next.reportingController ?? "")
    if (bytes > 128) errors.push(fieldError.tooLong("reportingController", 128))
  }
  if (checkRequired(errors, "reportingInstance", next.reportingInstance)) {
    if (utf8Length(next.reportingInstance ?? "") > 128)
      errors.push(fieldError.invalid("reportingIntance", "", "can have at most 128 characters"))
  }
  if (checkRequired(errors, "action", next.action) && utf8Length(next.action ?? "") > 128) {
    errors.push(fieldError.invalid("action", "", "can have at most 128 characters"))
  }
  if (checkRequired(errors, "reason", next.reason) && utf8Length(next.reason ?? "") > 128) {
    errors.push(fieldError.invalid("reason", "", "can have at most 128 characters"))
  }
  if (utf8Length(next.note ?? "") > 1024)
    errors.push(fieldError.invalid("message", "", "can have at most 1024 characters"))
  if (next.type !== "Normal" && next.type !== "Warning") {
    errors.push(fieldError.invalid("type", "", `has invalid value: ${next.type ?? ""}`))
  }
  if (next.deprecatedFirstTimestamp) errors.push(fieldError.invalid("firstTimestamp", "", "needs to be unset"))
  if (next.deprecatedLastTimestamp) errors.push(fieldError.invalid("lastTimestamp", "", "needs to be unset"))
  if (next.deprecatedCount) errors.push(fieldError.invalid("count", "", "needs to be unset"))
  if (next.deprecatedSource?.component || next.deprecatedSource?.host) {
    errors.push(fieldError.invalid("source", "", "needs to be unset"))
  }
  return errors
}

function checkNewUpdate(errors: Errors, next: eventsv1.Event, previous: eventsv1.Event): void {
  const names = {
    regarding: "involvedObject",
    reason: "reason",
    note: "message",
    related: "related",
    eventTime: "eventTime",
    reportingController: "reportingController",
    reportingInstance: "reportingInstance",
    action: "action",
    type: "type",
  } as const
  for (const [field, path] of Object.entries(names) as [keyof typeof names, string][]) {
    checkImmutable(errors, path, next[field], previous[field])
  }
}

function sourceText({ source }: Event): string {
  if (!source?.component) return ""
  return source.host ? `${source.component}, ${source.host}` : source.component
}

function lastSeen(event: Event, now: number): string {
  return ageOf(event.series?.lastObservedTime ?? event.lastTimestamp ?? event.firstTimestamp ?? event.eventTime, now)
}

function objectText({ involvedObject }: Event): string {
  const { kind = "", name = "" } = involvedObject ?? {}
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase()
}

const columns: readonly Column<Event>[] = [
  text("Last Seen", lastSeen),
  text("Type", ({ type }) => type ?? ""),
  text("Reason", ({ reason }) => reason ?? ""),
  text("Object", objectText),
  wide(text("Subobject", ({ involvedObject }) => involvedObject?.fieldPath ?? "")),
  wide(text("Source", (event) => sourceText(event) || (event.reportingComponent ?? ""))),
  text("Message", ({ message }) => (message ?? "").trim()),
  wide(text("First Seen", (event, now) => ageOf(event.firstTimestamp ?? event.eventTime, now))),
  wide(integer("Count", ({ count, series }) => series?.count ?? count ?? 1)),
  wide(nameColumn),
]

function selectable(event: Event, prefix: string): Record<string, string> {
  const object = event.involvedObject ?? {}
  return {
    [`${prefix}.kind`]: object.kind ?? "",
    [`${prefix}.namespace`]: object.namespace ?? "",
    [`${prefix}.name`]: object.name ?? "",
    [`${prefix}.uid`]: object.uid ?? "",
    [`${prefix}.apiVersion`]: object.apiVersion ?? "",
    [`${prefix}.resourceVersion`]: object.resourceVersion ?? "",
    [`${prefix}.fieldPath`]: object.fieldPath ?? "",
    reason: event.reason ?? "",
    reportingComponent: event.reportingComponent ?? "",
    source: event.source?.component || (event.reportingComponent ?? ""),
    type: event.type ?? "",
  }
}

export const coreEvent: KindBehaviour<Event> = {
  validate: (next) => validateCore(next),
  selectableFields: (event) => selectable(event, "involvedObject"),
  columns,
  allowCreateOnUpdate: true,
}

export const event: KindBehaviour<eventsv1.Event> = {
  validate(next, previous) {
    const errors = validateCore(eventToCore(next))
    // Events of the old API may be read and updated here: they are held to the old rules.
    if (!previous) errors.push(...validateNew(next))
    else if (previous.eventTime && !previous.deprecatedCount) checkNewUpdate(errors, next, previous)
    return errors
  },
  fieldLabels: {
    ...Object.fromEntries(
      ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map((field) => [
        `regarding.${field}`,
        `involvedObject.${field}`,
      ]),
    ),
    reason: "reason",
    reportingController: "reportingComponent",
    type: "type",
  },
  columns: columns.map((column) => ({
    ...column,
    cell: (object: eventsv1.Event, now: number) => column.cell(eventToCore(object), now),
  })),
  allowCreateOnUpdate: true,
}

/** The same event in the other API group. */
export { eventFromCore, eventToCore }
