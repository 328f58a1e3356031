import { fieldError, isPathSegmentName } from "@ladya/apimachinery"
import type * as certificatesv1 from "../../generated/types/certificatesv1.ts"
import type { KindBehaviour, Requester } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { humanDuration } from "../../printing/duration.ts"
import { keepField } from "../../strategy.ts"
import { checkImmutable, checkRequired, checkSupported, type Errors, indexed } from "../../validation/checks.ts"

type Request = certificatesv1.CertificateSigningRequest

const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
]

/** `domain/path`: who signs. */
export function checkSignerName(errors: Errors, path: string, name: string | undefined): void {
  if (!checkRequired(errors, path, name)) return
  const segments = (name ?? "").split("/")
  if (segments.length !== 2) {
    errors.push(
      fieldError.invalid(path, name, 'must be a fully qualified domain and path of the form "example.com/signer-name"'),
    )
  } else if (!segments[1]) errors.push(fieldError.invalid(path, name, "validating path segment: must not be empty"))
  if (name === "kubernetes.io/legacy-unknown") {
    errors.push(fieldError.invalid(path, name, "the legacy signerName is not allowed via this API version"))
  }
}

function isRequest(base64: string): boolean {
  try {
    return /-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(atob(base64))
  } catch {
    return false
  }
}

function asker({ name, uid, groups, extra }: Requester): Partial<Request["spec"]> {
  const listed = Object.entries(extra ?? {}).map(([key, values]) => [key, [...values]] as [string, string[]])
  return {
    username: name,
    groups: [...groups],
    ...(uid ? { uid } : {}),
    ...(listed.length > 0 ? { extra: Object.fromEntries(listed) } : {}),
  }
}

function conditionText({ status }: Request): string {
  const words = new Set((status?.conditions ?? []).map(({ type }) => type))
  const shown: string[] = []
  if (words.has("Approved")) shown.push("Approved")
  if (words.has("Denied")) shown.push("Denied")
  if (shown.length === 0) shown.push("Pending")
  if (words.has("Failed")) shown.push("Failed")
  if (status?.certificate) shown.push("Issued")
  return shown.join(",")
}

function checkConditions(errors: Errors, next: Request): void {
  const types = new Set<string>()
  for (const [condition, at] of indexed("status.conditions", next.status?.conditions)) {
    checkRequired(errors, `${at}.type`, condition.type)
    if (condition.type === "Approved" || condition.type === "Denied" || condition.type === "Failed") {
      if (condition.status !== "True") checkSupported(errors, `${at}.status`, condition.status ?? "", ["True"])
    }
    if (types.has(condition.type)) errors.push(fieldError.duplicate(`${at}.type`, condition.type))
    types.add(condition.type)
  }
  if (types.has("Approved") && types.has("Denied")) {
    errors.push(
      fieldError.invalid("status.conditions", "Denied", "Approved and Denied conditions are mutually exclusive"),
    )
  }
}

const decisions: ReadonlySet<string> = new Set(["Approved", "Denied"])

const hasCondition = ({ status }: Request, type: string): boolean =>
  status?.conditions?.some((condition) => condition.type === type) ?? false

function checkDecisionsStay(errors: Errors, next: Request, previous: Request): void {
  for (const type of [...decisions, "Failed"]) {
    if (!hasCondition(previous, type) || hasCondition(next, type)) continue
    errors.push(fieldError.forbidden("status.conditions", `updates may not remove a condition of type "${type}"`))
  }
}

export const certificateSigningRequest: KindBehaviour<Request> = {
  default(draft) {
    if (draft.spec && !draft.spec.usages) draft.spec.usages = ["digital signature", "key encipherment"]
    draft.status ??= {}
  },
  prepareForCreate(draft, by) {
    draft.status = {}
    // Who asks is what the server knows, whatever the request says.
    const { username: _, uid: __, groups: ___, extra: ____, ...spec } = draft.spec ?? {}
    draft.spec = { ...(spec as Request["spec"]), ...(by ? asker(by) : {}) }
  },
  prepareForUpdate(draft, previous) {
    keepField(draft, previous, "spec")
    keepField(draft, previous, "status")
  },
  prepareForStatusUpdate(draft, previous) {
    keepField(draft, previous, "spec")
    // Who may sign may not approve: these conditions are for the approval subresource.
    for (const [index, { type }] of (draft.status?.conditions ?? []).entries()) {
      const before = decisions.has(type) && previous.status?.conditions?.find((condition) => condition.type === type)
      if (before && draft.status?.conditions) draft.status.conditions[index] = before
    }
  },
  subresourceUpdates: {
    approval: {
      prepare(draft, previous) {
        const conditions = draft.status?.conditions
        keepField(draft, previous, "spec")
        draft.status = { ...previous.status, ...(conditions ? { conditions } : {}) }
      },
      validate(next, previous) {
        const errors: Errors = []
        checkConditions(errors, next)
        checkDecisionsStay(errors, next, previous)
        return errors
      },
    },
  },
  validate(next, previous) {
    const errors: Errors = []
    const { spec } = next
    if (!spec?.request) errors.push(fieldError.required("spec.request"))
    else if (!isRequest(spec.request)) {
      errors.push(fieldError.invalid("spec.request", spec.request, "PEM block type must be CERTIFICATE REQUEST"))
    }
    if (!spec?.usages?.length) errors.push(fieldError.required("spec.usages"))
    for (const [usage, at] of indexed("spec.usages", spec?.usages)) checkSupported(errors, at, usage, usages)
    checkSignerName(errors, "spec.signerName", spec?.signerName)
    const seconds = spec?.expirationSeconds
    if (seconds !== undefined && seconds < 600) {
      errors.push(
        fieldError.invalid(
          "spec.expirationSeconds",
          seconds,
          "may not specify a duration less than 600 seconds (10 minutes)",
        ),
      )
    }
    if (previous) checkImmutable(errors, "spec", spec, previous.spec)
    return errors
  },
  validateStatus(next, previous) {
    const errors: Errors = []
    checkConditions(errors, next)
    checkDecisionsStay(errors, next, previous)
    for (const type of decisions) {
      if (hasCondition(previous, type) || !hasCondition(next, type)) continue
      errors.push(fieldError.forbidden("status.conditions", `updates may not add a condition of type "${type}"`))
    }
    if (previous.status?.certificate && previous.status.certificate !== next.status?.certificate) {
      errors.push(fieldError.forbidden("status.certificate", "updates may not modify a set certificate"))
    }
    return errors
  },
  validateName: isPathSegmentName,
  selectableFields: ({ spec }) => ({ "spec.signerName": spec?.signerName ?? "" }),
  columns: [
    nameColumn,
    ageColumn,
    text("SignerName", ({ spec }) => spec?.signerName ?? ""),
    text("Requestor", ({ spec }) => spec?.username ?? ""),
    text("RequestedDuration", ({ spec }) =>
      spec?.expirationSeconds === undefined ? "<none>" : humanDuration(spec.expirationSeconds * 1000),
    ),
    text("Condition", conditionText),
  ],
}
