import { after, before, describe } from "node:test"
import { durabilityTests } from "./cluster/durability.ts"
import { faultTests } from "./cluster/faults.ts"
import { kubectlTests } from "./cluster/kubectl.ts"
import { networkTests } from "./cluster/network.ts"
import { podTests } from "./cluster/pods.ts"
import { volumeTests } from "./cluster/volumes.ts"
import { whyTests } from "./cluster/why.ts"

import { Cluster } from "./support/cluster.ts"

/** One two-node cluster for all topics: each has namespaces of its own. */
describe("a cluster of two nodes", () => {
  let cluster: Cluster | undefined
  const theCluster = (): Cluster => {
    if (!cluster) throw new Error("the cluster is not up")
    return cluster
  }
  before(
    async () => {
      cluster = new Cluster("e2e")
      await cluster.up(2)
    },
    { timeout: 600_000 },
  )
  after(() => cluster?.down(), { timeout: 300_000 })

  kubectlTests(theCluster)
  podTests(theCluster)
  networkTests(theCluster)
  volumeTests(theCluster)
  whyTests(theCluster)
  faultTests(theCluster)
  durabilityTests(theCluster)
})
