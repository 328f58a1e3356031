import { after, before, describe } from "node:test"
import { ensureClientPrograms, type KubectlVersion } from "../../../clients/programs.ts"
import { type Cluster, sleepingPod, webDeployment, webService } from "../../support/cluster.ts"
import { ClientProgram } from "../program.ts"
import { discoveryTests } from "./discovery.ts"
import { nodeTests } from "./nodes.ts"
import { objectTests } from "./objects.ts"
import { printTests } from "./printing.ts"
import { streamTests } from "./streams.ts"
import { workloadTests } from "./workloads.ts"

/** What the topics of one kubectl share: its program, and a web Deployment, its Service and the pod `box` to work on. */
export type Kubectl = () => ClientProgram

/** The same run for every kubectl: each command that people use, once. */
export function kubectlSmoke(cluster: () => Cluster, version: KubectlVersion): void {
  describe(`kubectl ${version}`, { concurrency: 1 }, () => {
    let program: ClientProgram | undefined
    const kubectl: Kubectl = () => {
      if (!program) throw new Error("kubectl is not there")
      return program
    }
    before(async () => {
      const paths = await ensureClientPrograms()
      const namespace = await cluster().namespace(`kubectl-${version.replace(".", "-")}`)
      program = new ClientProgram(cluster(), paths.kubectl[version], namespace)
      const items = [webDeployment(namespace, "web", 2), webService(namespace, "web"), sleepingPod(namespace, "box")]
      await kubectl().run(["apply", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items }) })
      await kubectl().line("rollout status deployment/web --timeout=60s")
      await kubectl().line("wait --for=condition=Ready pod/box --timeout=60s")
    })
    // Its pods go while the next one runs.
    after(() => program?.line(`delete namespace ${program.namespace} --wait=false`))

    discoveryTests(kubectl, version)
    printTests(kubectl)
    objectTests(kubectl)
    workloadTests(kubectl)
    streamTests(kubectl)
    nodeTests(kubectl)
  })
}
