import { type corev1, refs } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import { type ClusterAccess, type HttpsTransport, newClient, newHttpsTransport } from "@ladya/client"
import { diagnosePlacement } from "@ladya/scheduler"
import { silentLogger, systemClock } from "@ladya/util"
import { explain, type Finding, type NodeAnswer, parseQuestion, QuestionError } from "@ladya/why"
import { LadyaError } from "../errors.ts"

const clock = systemClock
const log = silentLogger
const logLines = 5

async function tail(
  transport: HttpsTransport,
  pod: corev1.Pod,
  container: string,
  previous: boolean,
): Promise<string[] | undefined> {
  const { namespace = "default", name = "" } = pod.metadata
  const query = new URLSearchParams({ container, tailLines: String(logLines), previous: String(previous) })
  const path = `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(name)}/log?${query}`
  const answer = await transport.raw({ method: "GET", path })
  if (answer.status !== 200) return undefined
  return answer.body.toString("utf8").split("\n").filter(Boolean)
}

/** Answers one question about a cluster. Throws LadyaError when it is asked wrongly or of nothing. */
export async function ask(access: ClusterAccess, what: readonly string[], namespace: string): Promise<Finding> {
  const transport = newHttpsTransport({ ...access, userAgent: "ladya-why", clock, log, callTimeoutMs: 20_000 })
  const client = newClient(transport)
  const placement = async (pod: corev1.Pod) => {
    const all = async <T extends KubeObject>(ref: ResourceRef<T>): Promise<readonly T[]> =>
      (await client.resource(ref).list()).items
    const [nodes, pods, namespaces, claims, volumes, classes, drivers, csiNodes, capacities] = await Promise.all([
      all(refs.nodes),
      all(refs.pods),
      all(refs.namespaces),
      all(refs.persistentvolumeclaims),
      all(refs.persistentvolumes),
      all(refs.storageclasses),
      all(refs.csidrivers),
      all(refs.csinodes),
      all(refs.csistoragecapacities),
    ])
    const storage = { claims, volumes, classes, drivers, csiNodes, capacities }
    const cluster = { nodes, pods, namespaces, storage }
    const found = diagnosePlacement({ client, clock, log }, cluster, pod)
    const whole: NodeAnswer | undefined = found.pod && { node: "", ...found.pod }
    return whole ? { pod: whole, nodes: found.nodes } : { nodes: found.nodes }
  }
  try {
    const question = parseQuestion(what[0] ?? "", what[1])
    const logTail = (pod: corev1.Pod, container: string, previous: boolean) => tail(transport, pod, container, previous)
    return await explain({ client, clock, placement, logTail }, question, namespace)
  } catch (error) {
    if (error instanceof QuestionError) {
      throw new LadyaError(error.message, { hint: "ladya why --help shows what can be asked", exitCode: 2 })
    }
    throw error
  } finally {
    transport.close()
  }
}
