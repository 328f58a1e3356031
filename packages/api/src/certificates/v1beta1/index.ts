import { fieldError, isDns1123Subdomain } from "@ladya/apimachinery"
import type * as certificatesv1beta1 from "../../generated/types/certificatesv1beta1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { specStatusStrategy } from "../../strategy.ts"
import { checkDnsSubdomain, checkImmutable, checkRequired, type Errors } from "../../validation/checks.ts"
import { checkSignerName } from "../v1/index.ts"

type Bundle = certificatesv1beta1.ClusterTrustBundle
type PodRequest = certificatesv1beta1.PodCertificateRequest

const maxBundleSize = 1024 * 1024
const omitted = "<value omitted>"
const block = /-----BEGIN ([^-]*)-----\r?\n([\s\S]*?)-----END ([^-]*)-----/g

function checkBundle(errors: Errors, path: string, bundle: string): void {
  if (bundle.length > maxBundleSize) errors.push(fieldError.tooLong(path, maxBundleSize))
  const seen = new Set<string>()
  for (const [, label, body = "", end] of bundle.matchAll(block)) {
    const invalid = (detail: string) => errors.push(fieldError.invalid(path, omitted, detail))
    if (label !== "CERTIFICATE" || end !== label) {
      invalid(`entry ${seen.size} has bad block type: ${label}`)
      return
    }
    if (body.includes(":")) {
      invalid(`entry ${seen.size} has PEM block headers`)
      return
    }
    const text = body.replace(/\s/g, "")
    // A certificate is a DER sequence, whose first byte is 0x30: "MI" in base64.
    if (!/^M[A-P][A-Za-z0-9+/]+=*$/.test(text)) {
      invalid(`entry ${seen.size} does not parse as X.509`)
      return
    }
    if (seen.has(text)) {
      invalid("duplicate trust anchor")
      return
    }
    seen.add(text)
  }
  if (seen.size === 0) errors.push(fieldError.invalid(path, omitted, "at least one trust anchor must be provided"))
}

function checkBundleName(errors: Errors, name: string, signer: string | undefined): void {
  const invalid = (detail: string) => errors.push(fieldError.invalid("metadata.name", name, detail))
  if (!signer) {
    if (name.includes(":")) invalid('ClusterTrustBundle without signer name must not have ":" in its name')
    return
  }
  const prefix = `${signer.replaceAll("/", ":")}:`
  if (!name.startsWith(prefix))
    invalid(`ClusterTrustBundle for signerName ${signer} must be named with prefix ${prefix}`)
}

/** Trust anchors for the whole cluster (KEP-3257). */
export const clusterTrustBundle: KindBehaviour<Bundle> = {
  // A bundle of a signer is called domain:path:name, which is no DNS name.
  validateName: (name) => name.split(":").flatMap((part) => isDns1123Subdomain(part)),
  validate(next, previous) {
    const errors: Errors = []
    const { signerName, trustBundle = "" } = next.spec ?? {}
    checkBundleName(errors, next.metadata.name ?? "", signerName)
    if (signerName) checkSignerName(errors, "spec.signerName", signerName)
    if (previous && (previous.spec?.signerName ?? "") !== (signerName ?? "")) {
      checkImmutable(errors, "spec.signerName", signerName, previous.spec?.signerName)
    }
    if (!previous || previous.spec?.trustBundle !== trustBundle) checkBundle(errors, "spec.trustBundle", trustBundle)
    return errors
  },
  selectableFields: ({ spec }) => ({ "spec.signerName": spec?.signerName ?? "" }),
  columns: [nameColumn, text("SignerName", ({ spec }) => spec?.signerName || "<none>"), ageColumn],
}

const shortest = 3600
const longest = 91 * 24 * 3600

function podRequestState({ status }: PodRequest): string {
  const types = (status?.conditions ?? []).filter((condition) => condition.status === "True").map(({ type }) => type)
  return ["Denied", "Failed", "Issued"].find((type) => types.includes(type)) ?? "Pending"
}

/** A certificate that a node asks for on behalf of a pod (KEP-4317). */
export const podCertificateRequest: KindBehaviour<PodRequest> = {
  ...specStatusStrategy({ generation: false }),
  default(draft) {
    if (draft.spec) draft.spec.maxExpirationSeconds ??= 86400
  },
  validate(next, previous) {
    const errors: Errors = []
    if (previous) {
      checkImmutable(errors, "spec", next.spec, previous.spec)
      return errors
    }
    const { spec } = next
    checkSignerName(errors, "spec.signerName", spec?.signerName)
    for (const field of ["podName", "serviceAccountName", "nodeName"] as const) {
      if (checkRequired(errors, `spec.${field}`, spec?.[field])) checkDnsSubdomain(errors, `spec.${field}`, spec[field])
    }
    for (const field of ["podUID", "serviceAccountUID", "nodeUID"] as const) {
      if (checkRequired(errors, `spec.${field}`, spec?.[field]) && spec[field].length > 128) {
        errors.push(fieldError.tooLong(`spec.${field}`, 128))
      }
    }
    const seconds = spec?.maxExpirationSeconds
    if (seconds !== undefined && (seconds < shortest || seconds > longest)) {
      const detail = `must be in the range [${shortest}, ${longest}]`
      errors.push(fieldError.invalid("spec.maxExpirationSeconds", seconds, detail))
    }
    return errors
  },
  selectableFields: ({ spec }) => ({
    "spec.signerName": spec?.signerName ?? "",
    "spec.podName": spec?.podName ?? "",
    "spec.nodeName": spec?.nodeName ?? "",
  }),
  columns: [
    nameColumn,
    text("PodName", ({ spec }) => spec?.podName ?? ""),
    text("ServiceAccountName", ({ spec }) => spec?.serviceAccountName ?? ""),
    text("NodeName", ({ spec }) => spec?.nodeName ?? ""),
    text("SignerName", ({ spec }) => spec?.signerName ?? ""),
    text("State", podRequestState),
    ageColumn,
  ],
}
