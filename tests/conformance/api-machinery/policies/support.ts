import { type admissionregistrationv1, type appsv1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { ConformanceContext } from "../../support/context.ts"

/** What a policy is about: Deployments in the namespaces with this label. */
export const deploymentsIn = (label: string): admissionregistrationv1.MatchResources => ({
  namespaceSelector: { matchLabels: { [label]: "true" } },
  resourceRules: [
    { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["deployments"] },
  ],
})

export function deployment(namespace: string, name: string, replicas: number): appsv1.Deployment {
  const labels = { app: name }
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "busybox" }] } },
    },
  }
}

/** Waits until a Deployment of so many replicas is refused as invalid. */
export async function untilRefused(t: ConformanceContext, namespace: string, replicas: number): Promise<void> {
  const deployments = t.client.resource(refs.deployments)
  await t.until("the marker to be denied", async () => {
    const name = t.unique("marker")
    try {
      await deployments.create(deployment(namespace, name, replicas))
      await deployments.delete(name, { namespace })
      return false
    } catch (error) {
      if (isStatus(error, "Invalid")) return true
      throw error
    }
  })
}
