import { randomUUID } from "node:crypto"
import type { KindDefinition } from "@ladya/api"
import type { metav1 } from "@ladya/apimachinery"
import type { AdmissionAttributes } from "../admission.ts"
import { admissionRequest } from "../dynamic/request.ts"
import type { ShownObjects } from "../dynamic/versions.ts"

const group = "admission.k8s.io"

export type ReviewVersion = "v1" | "v1beta1"

/** What a webhook says, after it was looked at. */
export interface Verdict {
  allowed: boolean
  status: metav1.Status | undefined
  /** The text of a JSON patch. */
  patch: string | undefined
  patchType: string
  warnings: readonly string[]
  auditAnnotations: Readonly<Record<string, string>>
}

/** The first version a webhook understands that we speak; undefined: none. */
export function reviewVersion(versions: readonly string[]): ReviewVersion | undefined {
  return versions.find((version): version is ReviewVersion => version === "v1" || version === "v1beta1")
}

/** The review that is sent. */
export function newReview(
  version: ReviewVersion,
  attributes: AdmissionAttributes,
  shownAs: KindDefinition,
  { object, oldObject }: ShownObjects,
): { uid: string; body: object } {
  const uid = randomUUID()
  const request = {
    uid,
    ...admissionRequest(attributes, shownAs),
    object: object ?? null,
    oldObject: oldObject ?? null,
  }
  return { uid, body: { kind: "AdmissionReview", apiVersion: `${group}/${version}`, request } }
}

interface Answer {
  kind?: string
  apiVersion?: string
  response?: {
    uid?: string
    allowed?: boolean
    status?: metav1.Status
    patch?: string
    patchType?: string
    warnings?: string[]
    auditAnnotations?: Record<string, string>
  }
}

const quote = (text: string | undefined): string => JSON.stringify(text ?? "")

function gvkText(apiVersion: string, kind: string): string {
  return `${apiVersion || "/"}, Kind=${kind}`
}

/** Reads the answer to a review. Throws an Error that says what is wrong with it. */
export function readAnswer(version: ReviewVersion, uid: string, isMutating: boolean, answered: unknown): Verdict {
  if (typeof answered !== "object" || answered === null || Array.isArray(answered)) {
    throw new Error("webhook response was absent")
  }
  const { kind = "", apiVersion = "", response } = answered as Answer
  if (!response) throw new Error("webhook response was absent")
  const patch = response.patch ? Buffer.from(response.patch, "base64").toString("utf8") : undefined
  const verdict = {
    allowed: response.allowed === true,
    status: response.status,
    patch,
    warnings: response.warnings ?? [],
    auditAnnotations: response.auditAnnotations ?? {},
  }
  // What came with v1 is not asked of those who only know its forerunner.
  if (version === "v1beta1") return { ...verdict, patchType: patch === undefined ? "" : "JSONPatch" }
  if (response.uid !== uid) throw new Error(`expected response.uid=${quote(uid)}, got ${quote(response.uid)}`)
  if (apiVersion !== `${group}/${version}` || kind !== "AdmissionReview") {
    const wanted = gvkText(`${group}/${version}`, "AdmissionReview")
    throw new Error(`expected webhook response of ${wanted}, got ${gvkText(apiVersion, kind)}`)
  }
  const { patchType } = response
  if (!isMutating) {
    if (patch !== undefined) throw new Error("validating webhook may not return response.patch")
    if (patchType !== undefined) throw new Error("validating webhook may not return response.patchType")
  } else {
    if (patch !== undefined && patchType === undefined) {
      throw new Error("webhook returned response.patch but not response.patchType")
    }
    if (patch === undefined && patchType !== undefined) {
      throw new Error("webhook returned response.patchType but not response.patch")
    }
    if (patchType === "") throw new Error(`webhook returned invalid response.patchType of ""`)
  }
  return { ...verdict, patchType: patchType ?? "" }
}
