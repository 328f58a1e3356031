import { type Json, serveJson } from "../https-json.ts"

interface AdmissionRequest {
  uid: string
  operation: string
  name?: string
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
const deny = (message: string): Verdict => ({ allowed: false, message })

/** Adds a key to the data of what has another. */
function stage(object: AdmissionRequest["object"], seen: string, added: string): Verdict {
  if (object?.data?.[seen] !== "yes") return allow
  return { allowed: true, patch: [{ op: "add", path: `/data/${added}`, value: "yes" }] }
}

function judgePod({ object }: AdmissionRequest): Verdict {
  const containers = (object?.spec?.["containers"] ?? []) as { name: string }[]
  const labels = (object?.metadata?.["labels"] ?? {}) as Record<string, string>
  const wrong: string[] = []
  if (containers.some(({ name }) => name.includes("webhook-disallow"))) {
    wrong.push("the pod contains unwanted container name")
  }
  if (labels["webhook-e2e-test"] === "webhook-disallow") wrong.push("the pod contains unwanted label")
  return wrong.length > 0 ? deny(wrong.join("; ")) : allow
}

/** A path → its verdict on an AdmissionReview of admission.k8s.io/v1. Add what a test needs. */
const verdicts: Record<string, (request: AdmissionRequest) => Verdict | Promise<Verdict>> = {
  "/always-allow-delay-5s": async () => {
    await new Promise((resolve) => setTimeout(resolve, 5000))
    return allow
  },
  "/always-deny": () => deny("this webhook denies all requests"),
  "/add-label": ({ object }) => ({
    allowed: true,
    patch: object?.metadata?.["labels"]
      ? [{ op: "add", path: "/metadata/labels/added-label", value: "yes" }]
      : [{ op: "add", path: "/metadata/labels", value: { "added-label": "yes" } }],
  }),
  // A pod of this name is answered too late.
  "/pods": async (request) => {
    const labels = (request.object?.metadata?.["labels"] ?? {}) as Record<string, string>
    if (labels["webhook-e2e-test"] === "wait-forever") await new Promise((resolve) => setTimeout(resolve, 60_000))
    return judgePod(request)
  },
  "/pods/attach": ({ name }) =>
    name === "to-be-attached-pod" ? deny("attaching to pod 'to-be-attached-pod' is not allowed") : allow,
  "/mutating-pods": () => ({
    allowed: true,
    patch: [
      {
        op: "add",
        path: "/spec/initContainers",
        value: [{ name: "webhook-added-init-container", image: "webhook-added-image", resources: {} }],
      },
    ],
  }),
  "/configmaps": ({ object, oldObject, operation }) => {
    const data = (operation === "DELETE" ? oldObject : object)?.data ?? {}
    return data["webhook-e2e-test"] === "webhook-disallow"
      ? deny("the configmap contains unwanted key and value")
      : allow
  },
  "/mutating-configmaps": ({ object }) => {
    if (object?.data?.["mutation-stage-1"] === undefined) return stage(object, "mutation-start", "mutation-stage-1")
    return stage(object, "mutation-stage-1", "mutation-stage-2")
  },
  "/custom-resource": ({ object, oldObject, operation }) => {
    const data = (operation === "DELETE" ? oldObject : object)?.data ?? {}
    return data["webhook-e2e-test"] === "webhook-disallow" ? deny("the custom resource contains unwanted data") : allow
  },
  "/mutating-custom-resource": ({ object }) => {
    if (object?.data?.["mutation-stage-1"] === undefined) return stage(object, "mutation-start", "mutation-stage-1")
    return stage(object, "mutation-stage-1", "mutation-stage-2")
  },
  "/add-unknown": () => ({ allowed: true, patch: [{ op: "add", path: "/data/unknown", value: "yes" }] }),
  "/crd": ({ object }) => {
    const labels = (object?.metadata?.["labels"] ?? {}) as Record<string, string>
    return labels["webhook-e2e-test"] === "webhook-disallow" ? deny("the crd contains unwanted label") : allow
  },
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
