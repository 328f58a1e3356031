import { randomUUID } from "node:crypto"
import type { apiextensionsv1 } from "@ladya/api"
import { isJsonObject, type KubeObject, type metav1, newStatusError, parseApiVersion } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"
import type { WebhookCaller } from "../webhooks/caller.ts"

type Definition = apiextensionsv1.CustomResourceDefinition

/** How long a conversion may take. */
const timeoutMs = 30_000

interface ReviewResponse {
  uid?: string
  convertedObjects?: unknown[]
  result?: metav1.Status
}

/** A function that asks a definition's webhook to bring objects into a version; those that are in it stay out of it. */
export function newWebhookConversion(
  definition: Definition,
  desiredAPIVersion: string,
  webhooks: WebhookCaller,
): (objects: readonly KubeObject[]) => Promise<readonly KubeObject[]> {
  const config = definition.spec?.conversion?.webhook?.clientConfig ?? {}
  return async (objects) => {
    const foreign = objects.filter(({ apiVersion }) => apiVersion !== desiredAPIVersion)
    if (foreign.length === 0) return objects
    const uid = randomUUID()
    const review = {
      kind: "ConversionReview",
      apiVersion: "apiextensions.k8s.io/v1",
      request: { uid, desiredAPIVersion, objects: foreign },
    }
    const { kind } = definition.spec?.names ?? { kind: "" }
    const from = parseApiVersion(foreign[0]?.apiVersion ?? "")
    const fail = (why: string): never => {
      const message = `conversion webhook for ${from.group}/${from.version}, Kind=${kind} failed: ${why}`
      throw newStatusError("InternalError", message)
    }
    let answer: unknown
    try {
      answer = await webhooks.call(config, review, { timeoutMs })
    } catch (error) {
      return fail(errorMessage(error))
    }
    const checked = checkedAnswer(answer, uid, foreign, desiredAPIVersion)
    if (typeof checked === "string") return fail(checked)
    let next = 0
    return objects.map((object) => (object.apiVersion === desiredAPIVersion ? object : (checked[next++] as KubeObject)))
  }
}

/** The converted objects, or what is wrong with the answer. */
function checkedAnswer(
  answer: unknown,
  uid: string,
  asked: readonly KubeObject[],
  desired: string,
): KubeObject[] | string {
  const { kind, apiVersion, response } = (isJsonObject(answer) ? answer : {}) as {
    kind?: string
    apiVersion?: string
    response?: ReviewResponse
  }
  if (kind !== "ConversionReview" || apiVersion !== "apiextensions.k8s.io/v1") {
    return `invalid response: expected ConversionReview of apiextensions.k8s.io/v1, got ${kind} of ${apiVersion}`
  }
  if (!response) return "no response provided"
  const { result, convertedObjects = [] } = response
  if (response.uid !== uid) return `expected response.uid="${uid}"`
  if (result?.status !== "Success") {
    return result?.message || (result?.status ? "no message" : "response.result.status is not Success")
  }
  if (convertedObjects.length !== asked.length) {
    return `webhook returned ${convertedObjects.length} objects, expected ${asked.length}`
  }
  const converted: KubeObject[] = []
  for (const [index, object] of convertedObjects.entries()) {
    const original = asked[index] as KubeObject
    if (!isJsonObject(object)) return `webhook returned invalid converted object at index ${index}`
    const found = object as unknown as KubeObject
    if (found.apiVersion !== desired) {
      return `webhook returned object at index ${index} with invalid apiVersion: ${found.apiVersion}, expected ${desired}`
    }
    if (found.kind !== original.kind) {
      return `webhook returned object at index ${index} with invalid kind: ${found.kind}, expected ${original.kind}`
    }
    const wrong = metadataIssue(original, found)
    if (wrong) return `webhook returned invalid metadata at index ${index}: ${wrong}`
    converted.push({ ...found, metadata: keptMetadata(original, found) })
  }
  return converted
}

function metadataIssue(original: KubeObject, converted: KubeObject): string | undefined {
  if (!isJsonObject(converted.metadata)) return "missing metadata in converted object"
  for (const field of ["name", "namespace", "uid"] as const) {
    const [before, after] = [original.metadata[field] ?? "", converted.metadata[field] ?? ""]
    if (before !== after) return `must have the same ${field}: ${before} != ${after}`
  }
  return undefined
}

/** A conversion may change labels and annotations; anything else of the metadata stays. */
function keptMetadata(original: KubeObject, { metadata }: KubeObject): KubeObject["metadata"] {
  const { labels: _labels, annotations: _annotations, ...kept } = original.metadata
  return {
    ...kept,
    ...(metadata.labels ? { labels: metadata.labels } : {}),
    ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
  }
}
