import { after, before, describe } from "node:test"
import { ensureClientPrograms, helmVersions, kubectlVersions } from "../../clients/programs.ts"
import { Cluster } from "../support/cluster.ts"
import { clientNodeTests } from "./client-node/index.ts"
import { helmTests } from "./helm.ts"
import { kubectlSmoke } from "./kubectl/smoke.ts"

/** Every client that people have, unmodified, against one cluster of two nodes. They mostly wait, so some run at once. */
const skip = process.arch === "x64" ? false : "the programs are for x86-64"

describe("clients", { concurrency: 3, skip }, () => {
  let cluster: Cluster | undefined
  const theCluster = (): Cluster => {
    if (!cluster) throw new Error("the cluster is not up")
    return cluster
  }
  before(
    async () => {
      await ensureClientPrograms()
      cluster = new Cluster("clients")
      await cluster.up(2)
    },
    { timeout: 300_000 },
  )
  after(() => cluster?.down(), { timeout: 120_000 })

  clientNodeTests(theCluster)
  for (const version of helmVersions) helmTests(theCluster, version)
  for (const version of kubectlVersions) kubectlSmoke(theCluster, version)
})
