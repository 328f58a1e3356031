import { type Json, serveJson } from "../https-json.ts"

interface AdmissionRequest {
  uid: string
  operation: string
  object?: { metadata?: Json; data?: Record<string, string>; spec?: Json } | null
  oldObject?: { data?: Record<string, string> } | null
}

interface Verdict {
  allowed: boolean
  message?: string
  patch?: unknown[]
  warnings?: string[]
}

const allow: Verdict = { allowed: true }

/** A path → its verdict on an AdmissionReview of admission.k8s.io/v1. Add what a test needs. */
const verdicts: Record<string, (request: AdmissionRequest) => Verdict | Promise<Verdict>> = {
  "/always-allow-delay-5s": async () => {
    await new Promise((resolve) => setTimeout(resolve, 5000))
    return allow
  },
  "/always-deny": () => ({ allowed: false, message: "this webhook denies all requests" }),
  "/add-label": ({ object }) => ({
    allowed: true,
    patch: object?.metadata?.["labels"]
      ? [{ op: "add", path: "/metadata/labels/added-label", value: "yes" }]
      : [{ op: "add", path: "/metadata/labels", value: { "added-label": "yes" } }],
  }),
}

/** An admission webhook server: one path a behaviour. */
export function run(args: string[]): void {
  const handlers = Object.entries(verdicts).map(([path, decide]) => [
    path,
    async (body: Json) => {
      const request = body["request"] as AdmissionRequest
      const { patch, message, ...verdict } = await decide(request)
      const response = {
        uid: request.uid,
        ...verdict,
        ...(message ? { status: { message } } : {}),
        ...(patch ? { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") } : {}),
      }
      return { apiVersion: body["apiVersion"], kind: "AdmissionReview", response }
    },
  ])
  serveJson(args, Object.fromEntries(handlers) as Parameters<typeof serveJson>[1])
}
