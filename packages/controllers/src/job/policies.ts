import type { batchv1, corev1 } from "@ladya/api"
import { countIndexes, parseIndexes, type Ranges } from "./indexes.ts"

type Pod = corev1.Pod

export type FailureAction = "Ignore" | "FailIndex" | "Count" | "FailJob"

/** The first rule of the pod failure policy that a failed pod matches. */
export function failureAction(
  policy: batchv1.PodFailurePolicy | undefined,
  pod: Pod,
): { action: FailureAction; message: string } | undefined {
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    const action = rule.action as FailureAction
    if (rule.onExitCodes) {
      const found = matchingContainer(rule.onExitCodes, pod)
      if (!found) continue
      const { name, exitCode } = found
      const where = `${pod.metadata.namespace}/${pod.metadata.name}`
      const message = `Container ${name} for pod ${where} failed with exit code ${exitCode} matching ${action} rule at index ${index}`
      return { action, message }
    }
    const condition = pod.status?.conditions?.find((one) =>
      (rule.onPodConditions ?? []).some(
        (pattern) => pattern.type === one.type && (pattern.status ?? "True") === one.status,
      ),
    )
    if (!condition) continue
    const where = `${pod.metadata.namespace}/${pod.metadata.name}`
    const message = `Pod ${where} has condition ${condition.type} matching ${action} rule at index ${index}`
    return { action, message }
  }
  return undefined
}

function matchingContainer(
  rule: batchv1.PodFailurePolicyOnExitCodesRequirement,
  pod: Pod,
): { name: string; exitCode: number } | undefined {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
  for (const { name, state } of statuses) {
    const exitCode = state?.terminated?.exitCode
    // A container that ended well says nothing about why the pod failed.
    if (exitCode === undefined || exitCode === 0) continue
    if (rule.containerName && rule.containerName !== name) continue
    if (rule.values.includes(exitCode) === (rule.operator === "In")) return { name, exitCode }
  }
  return undefined
}

/** The message of the first rule of the success policy that holds. */
export function successMessage(policy: batchv1.SuccessPolicy | undefined, succeeded: Ranges): string | undefined {
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    const wanted = rule.succeededIndexes === undefined ? undefined : parseIndexes(rule.succeededIndexes)
    const matching = wanted ? countIndexes(intersection(wanted, succeeded)) : countIndexes(succeeded)
    const needed = rule.succeededCount ?? (wanted ? countIndexes(wanted) : Number.POSITIVE_INFINITY)
    if (matching >= needed) return `Matched rules at index ${index}`
  }
  return undefined
}

function intersection(a: Ranges, b: Ranges): Ranges {
  const found: [number, number][] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    const [firstA, lastA] = a[i] as readonly [number, number]
    const [firstB, lastB] = b[j] as readonly [number, number]
    const first = Math.max(firstA, firstB)
    const last = Math.min(lastA, lastB)
    if (first <= last) found.push([first, last])
    if (lastA < lastB) i++
    else j++
  }
  return found
}
