import { refs } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import { explainClaim } from "./claims.ts"
import type { Finding } from "./finding.ts"
import { explainNamespace } from "./namespaces.ts"
import { explainNode } from "./nodes.ts"
import { explainPod } from "./pods/pod.ts"
import { explainService } from "./services.ts"
import { View, type ViewDeps } from "./view.ts"
import { workloadExplainer, workloadRefs } from "./workloads.ts"

type Explain = (view: View, object: never) => Promise<Finding>

interface Topic {
  readonly kind: string
  readonly names: readonly string[]
  readonly namespaced: boolean
  readonly ref: ResourceRef<never>
  readonly explain: Explain
}

const topic = (kind: string, ref: unknown, names: string, explain: Explain, namespaced = true): Topic => ({
  kind,
  names: names.split(" "),
  namespaced,
  ref: ref as ResourceRef<never>,
  explain,
})
const workload = (kind: string, names: string): Topic =>
  topic(kind, workloadRefs[kind], names, workloadExplainer(kind) as Explain)

/** What can be asked about, by every name kubectl knows. */
export const topics: readonly Topic[] = [
  topic("Pod", refs.pods, "pod pods po", explainPod as Explain),
  workload("Deployment", "deployment deployments deploy"),
  workload("ReplicaSet", "replicaset replicasets rs"),
  workload("ReplicationController", "replicationcontroller replicationcontrollers rc"),
  workload("StatefulSet", "statefulset statefulsets sts"),
  workload("DaemonSet", "daemonset daemonsets ds"),
  workload("Job", "job jobs"),
  workload("CronJob", "cronjob cronjobs cj"),
  topic("Service", refs.services, "service services svc", explainService as Explain),
  topic(
    "PersistentVolumeClaim",
    refs.persistentvolumeclaims,
    "persistentvolumeclaim persistentvolumeclaims pvc",
    explainClaim as Explain,
  ),
  topic("Node", refs.nodes, "node nodes no", explainNode as Explain, false),
  topic("Namespace", refs.namespaces, "namespace namespaces ns", explainNamespace as Explain, false),
]

/** What a person asked for wrongly. */
export class QuestionError extends Error {
  override name = "QuestionError"
}

export interface Question {
  readonly topic: Topic
  readonly name: string
}

/** Reads `pod/web-0` or `deploy web`. Throws QuestionError with what would be right. */
export function parseQuestion(text: string, more?: string): Question {
  const [word = "", name = more, ...rest] = text.split("/")
  const found = topics.find(({ names }) => names.includes(word.toLowerCase()))
  if (!found) {
    const known = topics.map(({ names }) => names.at(-1)).join(", ")
    throw new QuestionError(`cannot explain "${word}": there are ${known}`)
  }
  if (!name || rest.length > 0) throw new QuestionError(`name the ${found.kind}, as in ${found.names.at(-1)}/NAME`)
  return { topic: found, name }
}

/** Explains one object. Throws QuestionError when it is not there. */
export async function explain(deps: ViewDeps, { topic, name }: Question, namespace: string): Promise<Finding> {
  const view = new View(deps)
  const where = topic.namespaced ? namespace : undefined
  const object = await view.find(topic.ref as ResourceRef<KubeObject>, name, where)
  if (object) return topic.explain(view, object as never)
  const place = where ? ` in namespace ${where}` : ""
  throw new QuestionError(`there is no ${topic.kind} ${name}${place}`)
}
