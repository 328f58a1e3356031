import { type admissionregistrationv1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { ConformanceContext } from "./context.ts"
import { startWebhookServer, type WebhookServer } from "./webhook-server.ts"

export type Webhook = admissionregistrationv1.MutatingWebhook & admissionregistrationv1.ValidatingWebhook

/** A webhook as a test gives it: where it is below the test's server, and what it is about. */
export interface WebhookWish extends Partial<Omit<Webhook, "clientConfig">> {
  path: string
  rules: admissionregistrationv1.RuleWithOperations[]
}

export const rule = (
  operations: string[],
  resources: string[],
  group = "",
  versions: string[] = ["v1"],
): admissionregistrationv1.RuleWithOperations => ({ operations, resources, apiGroups: [group], apiVersions: versions })

/** A webhook server with a namespace of its own, and another that is marked as its webhooks' business. */
export interface AdmissionFixture {
  server: WebhookServer
  /** Labelled so that the webhooks of this test, and no others, look at what is in it. */
  namespace: string
  /** Makes webhooks of wishes: all are about `namespace` alone unless they say otherwise. */
  webhooks(...wishes: WebhookWish[]): Webhook[]
  mutating(...wishes: WebhookWish[]): Promise<admissionregistrationv1.MutatingWebhookConfiguration>
  validating(...wishes: WebhookWish[]): Promise<admissionregistrationv1.ValidatingWebhookConfiguration>
  /** Waits until the configurations made up to now count: a marker is denied. */
  ready(): Promise<void>
}

export async function startAdmission(t: ConformanceContext): Promise<AdmissionFixture> {
  const unique = t.unique("hooks")
  const labels = { [unique]: "true" }
  const namespace = await t.namespace(labels)
  const markers = await t.namespace({ [`${unique}-markers`]: "true" })
  const server = await startWebhookServer(t, await t.namespace(), "webhook")
  const configurations = { mutating: 0, validating: 0 }
  const clientConfig = (path: string) => ({
    service: { namespace: server.namespace, name: server.service, path, port: server.port },
    caBundle: server.caBundle,
  })
  const webhooks = (...wishes: WebhookWish[]): Webhook[] =>
    wishes.map(
      ({ path, ...wish }, index): Webhook => ({
        name: `hook-${index}.conformance.example.com`,
        sideEffects: "None",
        admissionReviewVersions: ["v1", "v1beta1"],
        namespaceSelector: { matchLabels: labels },
        ...wish,
        clientConfig: clientConfig(path),
      }),
    )
  // A webhook of a configuration that denies in the namespace of markers: when it counts, all of it counts.
  const marker = (): Webhook => ({
    ...(webhooks({ path: "/always-deny", rules: [rule(["CREATE"], ["configmaps"])] })[0] as Webhook),
    name: "marker.conformance.example.com",
    namespaceSelector: { matchLabels: { [`${unique}-markers`]: "true" } },
  })
  const apiVersion = "admissionregistration.k8s.io/v1"
  return {
    ...{ server, namespace, webhooks },
    async mutating(...wishes) {
      const name = `${unique}-${configurations.mutating++}`
      const configurationsOf = t.client.resource(refs.mutatingwebhookconfigurations)
      t.defer(() => configurationsOf.delete(name))
      return await configurationsOf.create({
        apiVersion,
        kind: "MutatingWebhookConfiguration",
        metadata: { name, labels },
        webhooks: [...webhooks(...wishes), marker()],
      })
    },
    async validating(...wishes) {
      const name = `${unique}-${configurations.validating++}`
      const configurationsOf = t.client.resource(refs.validatingwebhookconfigurations)
      t.defer(() => configurationsOf.delete(name))
      return await configurationsOf.create({
        apiVersion,
        kind: "ValidatingWebhookConfiguration",
        metadata: { name, labels },
        webhooks: [...webhooks(...wishes), marker()],
      })
    },
    ready: () => untilDenied(t, markers),
  }
}

async function untilDenied(t: ConformanceContext, namespace: string): Promise<void> {
  await t.until("the webhooks to count", async () => {
    const name = t.unique("marker")
    const configMaps = t.client.resource(refs.configmaps)
    try {
      await configMaps.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } })
      await configMaps.delete(name, { namespace })
      return false
    } catch (error) {
      if (error instanceof Error && error.message.includes("denied the request")) return true
      if (isStatus(error, "InternalError")) return false
      throw error
    }
  })
}

/** The message of what is refused. Throws when it is not. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return (error as Error).message
  }
  throw new Error(`this was to be refused: ${JSON.stringify(value)}`)
}
