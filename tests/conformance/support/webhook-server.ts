import { refs } from "@ladya/api"
import { newServerCertificate } from "./certificates.ts"
import type { ConformanceContext } from "./context.ts"
import { helperPod, runPod } from "./pods.ts"

export interface WebhookServer {
  namespace: string
  service: string
  /** The Service's port. */
  port: number
  /** Base64, as `clientConfig.caBundle` wants it. */
  caBundle: string
  pod: string
}

/**
 * Runs a role of the helper image that serves HTTPS (`webhook`, `crd-conversion-webhook`, …) in the namespace behind a
 * Service, with a certificate for that Service's name in /certs, and waits until it answers.
 */
export async function startWebhookServer(
  t: ConformanceContext,
  namespace: string,
  role: string,
  args: readonly string[] = [],
): Promise<WebhookServer> {
  const service = `e2e-test-${role}`
  const { ca, cert, key } = await newServerCertificate([`${service}.${namespace}.svc`])
  await t.client.resource(refs.secrets).create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `${service}-cert`, namespace },
    type: "kubernetes.io/tls",
    data: { "tls.crt": Buffer.from(cert).toString("base64"), "tls.key": Buffer.from(key).toString("base64") },
  })
  const pod = await helperPod(
    t,
    namespace,
    service,
    [role, ...args],
    { volumes: [{ name: "certs", secret: { secretName: `${service}-cert` } }] },
    {
      ports: [{ containerPort: 8443 }],
      volumeMounts: [{ name: "certs", mountPath: "/certs", readOnly: true }],
      readinessProbe: { httpGet: { scheme: "HTTPS", port: 8443, path: "/readyz" }, periodSeconds: 1 },
    },
  )
  await t.client.resource(refs.services).create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: service, namespace },
    spec: { selector: { name: service }, ports: [{ port: 8443, targetPort: 8443, protocol: "TCP" }] },
  })
  await runPod(t, pod)
  await t.until(`an endpoint of the Service ${service}`, async () => {
    const slices = await t.client.resource(refs.endpointslices).list({
      namespace,
      labelSelector: `kubernetes.io/service-name=${service}`,
    })
    return slices.items.some((slice) => slice.endpoints?.some((endpoint) => endpoint.conditions?.ready))
  })
  return { namespace, service, port: 8443, caBundle: Buffer.from(ca).toString("base64"), pod: service }
}
