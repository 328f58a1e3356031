import { readFileSync } from "node:fs"
import { after, before, describe } from "node:test"
import { KubeConfig } from "@kubernetes/client-node"
import { type Cluster, sleepingPod, webDeployment, webService } from "../../support/cluster.ts"
import { apiTests } from "./apis.ts"
import { informerTests } from "./informers.ts"
import { streamTests } from "./streams.ts"

/** What the topics share: the library's configuration, and a web Deployment, its Service and the pod `box`. */
export interface Library {
  readonly config: KubeConfig
  readonly cluster: Cluster
  readonly namespace: string
}

/** The JavaScript client, unmodified. */
export function clientNodeTests(cluster: () => Cluster): void {
  describe("@kubernetes/client-node", { concurrency: 1 }, () => {
    const namespace = "client-node"
    let library: Library | undefined
    const theLibrary = (): Library => {
      if (!library) throw new Error("the library is not set up")
      return library
    }
    before(async () => {
      await cluster().namespace(namespace)
      await cluster().apply(
        webDeployment(namespace, "web", 1),
        webService(namespace, "web"),
        sleepingPod(namespace, "box"),
      )
      const config = new KubeConfig()
      config.loadFromString(readFileSync((await cluster().status()).kubeconfig, "utf8"))
      library = { config, cluster: cluster(), namespace }
      await cluster().k(`-n ${namespace} rollout status deployment/web --timeout=60s`)
      await cluster().k(`-n ${namespace} wait --for=condition=Ready pod/box --timeout=60s`)
    })
    after(() => library && cluster().k(`delete namespace ${namespace} --wait=false`))

    apiTests(theLibrary)
    informerTests(theLibrary)
    streamTests(theLibrary)
  })
}
