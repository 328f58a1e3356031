import { type appsv1, type corev1, refs } from "@ladya/api"
import { type Client, newClient, waitForObject } from "@ladya/client"
import { errorMessage, systemClock } from "@ladya/util"
import { type Progress, print } from "../cli/output.ts"
import { adminTransport } from "../cluster/access.ts"
import { contextName } from "../cluster/kubeconfig.ts"
import { type ClusterPaths, clusterPaths } from "../cluster/paths.ts"
import { installPackages, type UpResult, up } from "../cluster/up.ts"
import { inStep, LadyaError } from "../errors.ts"
import { applyObjects, readManifest } from "./apply.ts"
import { callFromPod, callOverHttp } from "./check.ts"
import { exampleManifest, makeDemoImages } from "./images.ts"

export interface DemoOptions {
  name: string
  nodes: number
  progress: Progress
}

const namespace = "guestbook"

/** From nothing to an application that answers. Throws with the step that failed, why, and the log to read. */
export async function demo(options: DemoOptions): Promise<void> {
  const { progress } = options
  const paths = clusterPaths(options.name)
  const started = systemClock.monotonic()
  await installPackages(progress)
  const making = progress.step("images: Node front end, Redis, busybox", (detail) =>
    inStep("make the images", () => makeDemoImages(options.name, detail)),
  )
  making.catch(() => undefined)
  const cluster = await up({ ...options, publicRegistries: "auto" })
  await making
  const transport = await adminTransport(paths)
  const client = newClient(transport)
  try {
    await progress.step("apply the guestbook", () =>
      inStep("apply the manifests", () => applyObjects(client, readManifest(exampleManifest())), {
        log: paths.serverLog,
      }),
    )
    await progress.step("pods", async (detail) => {
      for (const name of ["redis", "guestbook"]) await waitForDeployment(client, paths, name, detail)
    })
    const addresses = await serviceAddresses(client, cluster)
    await progress.step("call it through its Service", async (detail) => {
      const { agentLog } = paths.node(cluster.state.nodes[0]?.name ?? "")
      detail("from this machine")
      await inStep("call the Service from this machine", () => callOverHttp(addresses), { log: agentLog })
      detail("from a pod")
      await inStep("call the Service from a pod", () => callFromPod(client, transport, namespace), { log: agentLog })
    })
    tell(options.name, addresses[0] ?? "", systemClock.monotonic() - started)
  } finally {
    transport.close()
  }
}

async function waitForDeployment(
  client: Client,
  paths: ClusterPaths,
  name: string,
  detail: (text: string) => void,
): Promise<void> {
  const isDone = (deployment: appsv1.Deployment | undefined): boolean => {
    const { replicas = 1 } = deployment?.spec ?? {}
    const { observedGeneration = 0, updatedReplicas = 0, availableReplicas = 0 } = deployment?.status ?? {}
    detail(`${name} ${availableReplicas} of ${replicas}`)
    return (
      observedGeneration >= (deployment?.metadata.generation ?? 1) &&
      updatedReplicas === replicas &&
      availableReplicas === replicas
    )
  }
  try {
    await waitForObject<appsv1.Deployment>(
      {
        ...{ client, ref: refs.deployments, name, namespace, clock: systemClock, timeoutMs: 180_000 },
        description: `Deployment ${name}`,
      },
      isDone,
    )
  } catch (error) {
    const { why, node } = await whyNotReady(client, name)
    throw new LadyaError(`${errorMessage(error)}${why}`, {
      step: `wait for the pods of ${name}`,
      log: node === undefined ? paths.serverLog : paths.node(node).agentLog,
      hint: `kubectl --context ${contextName(paths.name)} -n ${namespace} describe pods -l app=${name}`,
    })
  }
}

/** What the pods that are not Ready wait for. */
async function whyNotReady(client: Client, app: string): Promise<{ why: string; node: string | undefined }> {
  const pods = await client
    .resource(refs.pods)
    .list({ namespace, labelSelector: `app=${app}` })
    .catch(() => undefined)
  const reasons: string[] = []
  let node: string | undefined
  for (const pod of (pods?.items ?? []) as corev1.Pod[]) {
    const waiting = pod.status?.containerStatuses?.map((status) => status.state?.waiting).find(Boolean)
    const condition = pod.status?.conditions?.find(({ status }) => status !== "True")
    const why = waiting
      ? `${waiting.reason}: ${waiting.message ?? ""}`
      : `${condition?.reason}: ${condition?.message ?? ""}`
    if (!waiting && !condition) continue
    node ??= pod.spec?.nodeName
    reasons.push(`\n  ${pod.metadata.name}: ${why}`)
  }
  return { why: reasons.join(""), node }
}

async function serviceAddresses(client: Client, cluster: UpResult): Promise<string[]> {
  const service = await client.resource(refs.services).get("guestbook", { namespace })
  const port = service.spec?.ports?.[0]?.nodePort
  if (port === undefined) throw new LadyaError("the Service guestbook has no node port")
  return cluster.state.nodes.map((node) => `http://${node.address}:${port}`)
}

function tell(cluster: string, address: string, tookMs: number): void {
  const name = cluster === "ladya" ? "" : ` --name ${cluster}`
  print(`
The guestbook answers at ${address}   (${Math.round(tookMs / 1000)} s after the start)

Try next:
  kubectl -n ${namespace} get pods -o wide
  kubectl -n ${namespace} scale deployment guestbook --replicas 5
  kubectl -n ${namespace} logs -l app=guestbook --tail 5

All gone again: ./ladya down --purge${name}`)
}
