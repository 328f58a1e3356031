import type * as corev1 from "../generated/types/corev1.ts"
import type * as eventsv1 from "../generated/types/eventsv1.ts"
import { compact } from "../objects.ts"

/** An events.k8s.io/v1 Event as the core/v1 one it is kept as. */
export function eventToCore(event: eventsv1.Event): corev1.Event {
  return compact({
    apiVersion: "v1" as const,
    kind: "Event" as const,
    metadata: event.metadata,
    involvedObject: event.regarding ?? {},
    related: event.related,
    reason: event.reason,
    message: event.note,
    source: event.deprecatedSource,
    firstTimestamp: event.deprecatedFirstTimestamp,
    lastTimestamp: event.deprecatedLastTimestamp,
    count: event.deprecatedCount,
    type: event.type,
    eventTime: event.eventTime,
    series: event.series,
    action: event.action,
    reportingComponent: event.reportingController,
    reportingInstance: event.reportingInstance,
  }) as corev1.Event
}

/** The inverse of eventToCore. */
export function eventFromCore(event: corev1.Event): eventsv1.Event {
  return compact({
    apiVersion: "events.k8s.io/v1" as const,
    kind: "Event" as const,
    metadata: event.metadata,
    eventTime: event.eventTime,
    series: event.series,
    reportingController: event.reportingComponent,
    reportingInstance: event.reportingInstance,
    action: event.action,
    reason: event.reason,
    regarding: event.involvedObject,
    related: event.related,
    note: event.message,
    type: event.type,
    deprecatedSource: event.source,
    deprecatedFirstTimestamp: event.firstTimestamp,
    deprecatedLastTimestamp: event.lastTimestamp,
    deprecatedCount: event.count,
  }) as eventsv1.Event
}
