import { type StatusError, statusError } from "@ladya/apimachinery"
import type { AdmissionAttributes } from "./admission.ts"

/** The 403 Status of a plugin that does not let a request pass. */
export function refusal(attributes: AdmissionAttributes, why: string): StatusError {
  const { kind, name, object } = attributes
  return statusError.forbidden(kind, name || (object?.metadata.generateName ?? "Unknown"), why)
}

/** Whether the request is about this resource: the main one unless a subresource is named. */
export function isAbout(attributes: AdmissionAttributes, group: string, resource: string, subresource = ""): boolean {
  const { kind } = attributes
  return kind.resource === resource && kind.group === group && attributes.subresource === subresource
}
