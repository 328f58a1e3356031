import type { AdmissionAttributes } from "../admission.ts"
import { shownKind } from "./subject.ts"

const configurations = new Set([
  "mutatingwebhookconfigurations",
  "validatingwebhookconfigurations",
  "mutatingadmissionpolicies",
  "mutatingadmissionpolicybindings",
  "validatingadmissionpolicies",
  "validatingadmissionpolicybindings",
])

/** What configures admission is never subject to it: a cluster could not be mended otherwise. */
export function isConfiguration({ kind }: AdmissionAttributes): boolean {
  return kind.group === "admissionregistration.k8s.io" && configurations.has(kind.resource)
}

/** Reviews are asked in the course of other requests: policies do not see them. */
export function isReview({ kind }: AdmissionAttributes): boolean {
  const isReviewGroup = kind.group === "authentication.k8s.io" || kind.group === "authorization.k8s.io"
  return isReviewGroup && kind.resource.endsWith("reviews")
}

/** Whether the write is one step of a request that was admitted as a whole, under the form that its client sent. */
export function isInnerStep({ isPart, view, subresource, requested }: AdmissionAttributes): boolean {
  if (isPart) return true
  return view === undefined && subresource !== "" && shownKind(requested, subresource).kind !== requested.kind
}
