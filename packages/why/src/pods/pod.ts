import { type corev1, isPodReady, podCondition, refs } from "@ladya/api"
import { type Cause, type Finding, healthy, here, waiting } from "../finding.ts"
import { nodeCause } from "../nodes.ts"
import { evidenceOf, subjectOf, type View } from "../view.ts"
import { containersCause } from "./containers.ts"
import { pendingCause } from "./pending.ts"

type Pod = corev1.Pod

/** What a pod says of itself in a word, as `kubectl get` shows it. */
function saysOf(pod: Pod): string {
  const { status, metadata, spec } = pod
  if (metadata.deletionTimestamp) return "Terminating"
  const waiting = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
    ({ state }) => state?.waiting?.reason,
  )
  if (waiting) return waiting.state?.waiting?.reason ?? ""
  if (!spec?.nodeName) return "Pending, without a node"
  return `${status?.reason ?? status?.phase ?? "Pending"}${isPodReady(pod) ? ", ready" : ""}`
}

async function terminatingCause(view: View, pod: Pod, node: corev1.Node | undefined): Promise<Cause> {
  const finalizers = pod.metadata.finalizers ?? []
  const since = view.secondsSince(pod.metadata.deletionTimestamp)
  const running = [...(pod.status?.containerStatuses ?? [])].some(({ state }) => state?.running)
  const nodeReady = node?.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True"
  const force = `kubectl delete pod ${pod.metadata.name} -n ${pod.metadata.namespace} --force --grace-period=0`
  if (pod.spec?.nodeName && !node) {
    return {
      state: "stuck",
      cause: `its node ${pod.spec.nodeName} is gone, so nobody can say that its containers have ended`,
      fix: ["the pod garbage collector removes it soon", `or, when the machine is surely off: ${force}`],
    }
  }
  if (pod.spec?.nodeName && !nodeReady) {
    return {
      state: "stuck",
      cause: `its node ${pod.spec.nodeName} does not answer, so nobody can say that its containers have ended`,
      fix: [
        `bring the node back (ladya why node/${pod.spec.nodeName})`,
        `or, when the machine is surely off: ${force}`,
      ],
    }
  }
  if (finalizers.length > 0 && !running) {
    return {
      state: "stuck",
      cause: `the finalizer${finalizers.length > 1 ? "s" : ""} ${finalizers.join(", ")} ${finalizers.length > 1 ? "keep" : "keeps"} it`,
      fix: [
        "the controller that set them has to do its work; look whether it runs",
        "or take them out by hand: kubectl patch … --type=json",
      ],
    }
  }
  if (since === 0) {
    return waiting(
      `its containers have until their grace period of ${pod.metadata.deletionGracePeriodSeconds ?? 30} s is over`,
      "wait; after it they are killed",
    )
  }
  const events = await view.warnings("Pod", pod)
  return {
    state: "stuck",
    cause: `its grace period was over ${since} s ago, and its node has not ended it`,
    fix: [`look at the agent's log of node ${pod.spec?.nodeName}`],
    evidence: evidenceOf(events),
  }
}

function endedCause(pod: Pod): Cause {
  const { status } = pod
  if (status?.phase === "Succeeded") return healthy("all its containers have ended well")
  if (status?.reason === "Evicted") {
    return {
      state: "stuck",
      cause: `it was evicted: ${status.message ?? ""}`,
      fix: ["give the node more of what ran out, or limit what the pods take (requests and limits)"],
    }
  }
  const broken = (status?.containerStatuses ?? []).find(({ state }) => state?.terminated?.exitCode)
  const ended = broken?.state?.terminated
  const what = ended
    ? `container ${broken?.name} ended with exit code ${ended.exitCode} (${ended.reason})`
    : status?.message
  return {
    state: "stuck",
    cause: status?.reason ? `${status.reason}: ${status.message ?? what ?? ""}` : `it has failed: ${what ?? ""}`,
    fix: [`read what it said: kubectl logs ${pod.metadata.name} -n ${pod.metadata.namespace}`],
  }
}

/** Undefined when the node is well. */
async function brokenNode(view: View, pod: Pod, node: corev1.Node | undefined): Promise<Finding | undefined> {
  const nodeName = pod.spec?.nodeName
  if (!nodeName || (pod.status?.containerStatuses?.length && isPodReady(pod))) return undefined
  if (!node) {
    const cause = {
      state: "stuck" as const,
      cause: `its node ${nodeName} does not exist`,
      fix: ["start the node, or delete the pod so that its owner makes another"],
    }
    return here({ kind: "Node", name: nodeName }, "is not there", cause)
  }
  const cause = await nodeCause(view, node)
  return cause.state === "ok" || cause.state === "waiting"
    ? undefined
    : here(subjectOf("Node", node), "is not Ready", cause)
}

export async function explainPod(view: View, pod: Pod): Promise<Finding> {
  const subject = subjectOf("Pod", pod)
  const says = saysOf(pod)
  const nodeName = pod.spec?.nodeName
  const node = nodeName ? await view.find(refs.nodes, nodeName) : undefined
  if (pod.metadata.deletionTimestamp) return here(subject, says, await terminatingCause(view, pod, node))
  const phase = pod.status?.phase
  if (phase === "Succeeded" || phase === "Failed") return here(subject, says, endedCause(pod))
  if (!nodeName) return here(subject, says, await pendingCause(view, pod))
  const broken = await brokenNode(view, pod, node)
  if (broken) return { ...broken, subject, chain: [{ subject, says }, ...broken.chain] }
  const cause = await containersCause(view, pod)
  if (cause) return here(subject, says, cause)
  const restarted = (pod.status?.containerStatuses ?? []).find(({ restartCount }) => restartCount > 0)
  const last = restarted?.lastState?.terminated
  const since = podCondition(pod, "Ready")?.lastTransitionTime
  const history = last
    ? `; container ${restarted.name} was restarted ${restarted.restartCount} times, the last time for ${last.reason} (exit code ${last.exitCode})`
    : ""
  return here(subject, says, healthy(`it runs and has been ready for ${view.secondsSince(since)} s${history}`))
}
