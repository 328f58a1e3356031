import { type corev1, isPodReady, refs } from "@ladya/api"
import type { KubeObject, metav1, ResourceRef } from "@ladya/apimachinery"
import { below, type Cause, type Finding, healthy, here, type State, waiting } from "./finding.ts"
import { explainPod } from "./pods/pod.ts"
import { evidenceOf, subjectOf, type View } from "./view.ts"

interface Workload extends KubeObject {
  spec?: { replicas?: number; paused?: boolean; suspend?: boolean; completions?: number }
  status?: {
    replicas?: number
    readyReplicas?: number
    desiredNumberScheduled?: number
    numberReady?: number
    succeeded?: number
    failed?: number
    active?: number | readonly unknown[]
    conditions?: readonly { type: string; status: string; reason?: string; message?: string }[]
  }
}

const rank: Readonly<Record<State, number>> = { stuck: 0, waiting: 1, ok: 2 }

const ownedBy = (object: KubeObject, owner: KubeObject): boolean =>
  (object.metadata.ownerReferences ?? []).some(
    ({ uid, controller }: metav1.OwnerReference) => controller && uid === owner.metadata.uid,
  )

function countText(kind: string, { spec, status }: Workload): string {
  if (kind === "Job")
    return `${status?.succeeded ?? 0} of ${spec?.completions ?? 1} done, ${status?.failed ?? 0} failed`
  const wanted = kind === "DaemonSet" ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1)
  const ready = kind === "DaemonSet" ? (status?.numberReady ?? 0) : (status?.readyReplicas ?? 0)
  return `${ready} of ${wanted} ready`
}

/** What the owner's own conditions and events say: it could not make a pod at all. */
async function creationCause(view: View, kind: string, workload: Workload): Promise<Cause | undefined> {
  const failure = workload.status?.conditions?.find(
    ({ type, status }) => type === "ReplicaFailure" && status === "True",
  )
  const events = await view.warnings(kind, workload)
  const event = events.find(({ reason }) => reason === "FailedCreate")
  const message = failure?.message ?? event?.message
  if (!message) return undefined
  const evidence = { evidence: event ? evidenceOf([event]) : [message] }
  if (/exceeded quota/.test(message)) {
    return {
      state: "stuck",
      cause: `no more pods may be made: ${message.slice(message.indexOf("exceeded quota"))}`,
      fix: ["raise the ResourceQuota, or free some of it", "or ask for less in the pod template"],
      ...evidence,
    }
  }
  if (/admission webhook/.test(message)) {
    return {
      state: "stuck",
      cause: `an admission webhook refuses its pods: ${message}`,
      fix: ["satisfy the webhook, or change it"],
      ...evidence,
    }
  }
  return {
    state: "stuck",
    cause: `its pods cannot be created: ${message}`,
    fix: ["correct the pod template as the message says"],
    ...evidence,
  }
}

/** The pod that is worst off speaks for all. */
async function worstPod(view: View, pods: readonly corev1.Pod[]): Promise<Finding | undefined> {
  const unready = pods.filter((pod) => !isPodReady(pod) && pod.status?.phase !== "Succeeded")
  let worst: Finding | undefined
  for (const pod of unready.slice(0, 20)) {
    const found = await explainPod(view, pod)
    if (!worst || rank[found.state] < rank[worst.state]) worst = found
    if (worst.state === "stuck") break
  }
  return worst
}

async function explainOwner(view: View, kind: string, workload: Workload): Promise<Finding> {
  const subject = subjectOf(kind, workload)
  const says = countText(kind, workload)
  if (workload.spec?.suspend) {
    return here(subject, "suspended", waiting("it is suspended", "set spec.suspend to false"))
  }
  const complete = workload.status?.conditions?.find(({ type, status }) => type === "Complete" && status === "True")
  if (complete) return here(subject, says, healthy("it is complete"))
  const pods = (await view.list(refs.pods, workload.metadata.namespace)).filter((pod) => ownedBy(pod, workload))
  const worst = await worstPod(view, pods)
  const failed = workload.status?.conditions?.find(({ type, status }) => type === "Failed" && status === "True")
  if (failed) {
    const cause: Cause = {
      state: "stuck",
      cause: `${failed.reason}: ${failed.message}`,
      fix: worst?.fix ?? ["read the logs of its pods"],
    }
    return worst ? { ...below(subject, says, worst), ...cause } : here(subject, says, cause)
  }
  const creation = await creationCause(view, kind, workload)
  const wanted = workload.spec?.replicas ?? 1
  const hasAll = pods.length >= wanted
  if (creation && (!hasAll || !worst)) return here(subject, says, creation)
  if (worst) return below(subject, says, worst)
  if (kind === "DaemonSet" && pods.length === 0) {
    return here(
      subject,
      says,
      waiting(
        "no node is one that its pods may run on",
        "correct nodeSelector and tolerations of its template, or label a node",
      ),
    )
  }
  if (wanted === 0) return here(subject, says, healthy("it is scaled to 0"))
  if (!hasAll && kind !== "DaemonSet" && kind !== "Job") {
    return here(subject, says, waiting("its controller is still making pods", "look again in a moment"))
  }
  return here(subject, says, healthy("all its pods run and are ready"))
}

async function explainDeployment(view: View, deployment: Workload): Promise<Finding> {
  const subject = subjectOf("Deployment", deployment)
  const says = countText("Deployment", deployment)
  if (deployment.spec?.replicas === 0) return here(subject, says, healthy("it is scaled to 0"))
  const revision = deployment.metadata.annotations?.["deployment.kubernetes.io/revision"]
  const sets = (await view.list(refs.replicasets, deployment.metadata.namespace)).filter((set) =>
    ownedBy(set, deployment),
  )
  const newest = sets.find(({ metadata }) => metadata.annotations?.["deployment.kubernetes.io/revision"] === revision)
  if (deployment.spec?.paused && !newest) {
    return here(subject, "paused", waiting("it is paused", "kubectl rollout resume"))
  }
  if (!newest) {
    return here(subject, says, waiting("its controller has not made a ReplicaSet yet", "look again in a moment"))
  }
  const found = await explainOwner(view, "ReplicaSet", newest as Workload)
  const progressing = deployment.status?.conditions?.find(({ type }) => type === "Progressing")
  const late = progressing?.reason === "ProgressDeadlineExceeded" ? "; its progress deadline is over" : ""
  if (found.state !== "ok") return below(subject, `${says}${late}`, found)
  const old = sets.filter((set) => set !== newest && ((set as Workload).status?.replicas ?? 0) > 0)
  if (old.length > 0) {
    return here(
      subject,
      says,
      waiting("it is rolling over from its former revision", "kubectl rollout status shows it go on"),
    )
  }
  if (deployment.spec?.paused)
    return here(subject, "paused", waiting("it runs, and is paused: changes wait", "kubectl rollout resume"))
  return here(subject, says, healthy("all its pods run and are ready"))
}

async function explainCronJob(view: View, cron: Workload): Promise<Finding> {
  const subject = subjectOf("CronJob", cron)
  if (cron.spec?.suspend) {
    return here(subject, "suspended", waiting("it is suspended", "set spec.suspend to false"))
  }
  const jobs = (await view.list(refs.jobs, cron.metadata.namespace)).filter((job) => ownedBy(job, cron))
  const last = jobs.toSorted((a, b) =>
    (a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? 1 : -1,
  )[0]
  if (!last) {
    const events = await view.warnings("CronJob", cron)
    if (events.length === 0) return here(subject, "has not run", healthy("its time has not come yet"))
    return here(subject, "has not run", {
      state: "stuck",
      cause: "it could not run",
      fix: ["correct it as the event says"],
      evidence: evidenceOf(events),
    })
  }
  return below(subject, `ran last as ${last.metadata.name}`, await explainOwner(view, "Job", last as Workload))
}

/** What explains the workloads of one kind. */
export function workloadExplainer(kind: string): (view: View, object: KubeObject) => Promise<Finding> {
  if (kind === "Deployment") return (view, object) => explainDeployment(view, object as Workload)
  if (kind === "CronJob") return (view, object) => explainCronJob(view, object as Workload)
  return (view, object) => explainOwner(view, kind, object as Workload)
}

export const workloadRefs: Readonly<Record<string, ResourceRef<never>>> = {
  CronJob: refs.cronjobs as never,
  DaemonSet: refs.daemonsets as never,
  Deployment: refs.deployments as never,
  Job: refs.jobs as never,
  ReplicaSet: refs.replicasets as never,
  ReplicationController: refs.replicationcontrollers as never,
  StatefulSet: refs.statefulsets as never,
}
