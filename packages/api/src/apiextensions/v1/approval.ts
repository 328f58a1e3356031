import { fieldError } from "@ladya/apimachinery"
import type * as apiextensionsv1 from "../../generated/types/apiextensionsv1.ts"
import type { Errors } from "../../validation/checks.ts"

type Definition = apiextensionsv1.CustomResourceDefinition

export const approvalAnnotation = "api-approved.kubernetes.io"

export type Approval =
  | { readonly state: "unneeded" | "missing" }
  | { readonly state: "approved" | "unapproved" | "invalid"; readonly value: string }

/** Groups of the Kubernetes community want their API approved: what a definition says of that. */
export function approvalOf({ metadata, spec }: Definition): Approval {
  const group = spec?.group ?? ""
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(group)) return { state: "unneeded" }
  const value = metadata.annotations?.[approvalAnnotation] ?? ""
  if (!value) return { state: "missing" }
  if (value.startsWith("unapproved")) return { state: "unapproved", value }
  const url = URL.parse(value)
  return { state: url?.protocol && url.host ? "approved" : "invalid", value }
}

export const approvalHint = "see https://github.com/kubernetes/enhancements/pull/1111"

export function checkApproval(errors: Errors, next: Definition, previous: Definition | undefined): void {
  const { state, ...rest } = approvalOf(next)
  // What was let in without an approval, long ago, stays.
  if (previous && approvalOf(previous).state === state) return
  const path = `metadata.annotations[${approvalAnnotation}]`
  if (state === "missing") {
    const detail = `protected groups must have approval annotation ${JSON.stringify(approvalAnnotation)}, ${approvalHint}`
    errors.push(fieldError.required(path, detail))
  } else if (state === "invalid" && "value" in rest) {
    const detail = `protected groups must have approval annotation ${JSON.stringify(approvalAnnotation)} with either a URL or a reason starting with "unapproved", ${approvalHint}`
    errors.push(fieldError.invalid(path, rest.value, detail))
  }
}
