import type { corev1 } from "@ladya/api"
import type { ObservedContainer } from "../../runtime/observed.ts"
import type { Pod, PodContainer } from "../pod.ts"

function ruleMatches(rule: corev1.ContainerRestartRule, exitCode: number): boolean {
  const codes = rule.exitCodes
  if (!codes) return false
  const listed = codes.values?.includes(exitCode) ?? false
  return codes.operator === "NotIn" ? !listed : listed
}

/** The restart policy that holds for a container: a rule for its exit code, its own, or the pod's. */
function policyFor(pod: Pod, { kind, sidecar, spec }: PodContainer, exitCode: number): string {
  if (spec.restartPolicyRules?.some((rule) => rule.action === "Restart" && ruleMatches(rule, exitCode))) return "Always"
  if (sidecar) return "Always"
  const policy = spec.restartPolicy ?? pod.spec?.restartPolicy ?? "Always"
  // An init container that ended well is done, whatever the policy.
  return kind === "init" && policy === "Always" ? "OnFailure" : policy
}

/** Whether a container that does not run is to be started (again), from how its latest instance ended. */
export function shouldRestart(pod: Pod, container: PodContainer, last: ObservedContainer | undefined): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false
  if (container.kind === "ephemeral") return last === undefined
  if (!last) return true
  if (last.state === "running") return false
  // It never began, or nobody knows what became of it.
  if (last.state === "created" || last.state === "unknown") return true
  const policy = policyFor(pod, container, last.exitCode)
  return policy === "Always" || (policy === "OnFailure" && last.exitCode !== 0)
}
