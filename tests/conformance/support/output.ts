import assert from "node:assert/strict"
import type { corev1 } from "@ladya/api"
import { refs } from "@ladya/api"
import type { ConformanceContext } from "./context.ts"
import { podLog, sleepingPod, untilSucceeded } from "./pods.ts"

/** Runs a busybox pod to its end and gives what it wrote, line by line. */
export async function outputOf(
  t: ConformanceContext,
  namespace: string,
  container: Partial<corev1.Container>,
  spec: Partial<corev1.PodSpec> = {},
): Promise<string[]> {
  const pod = sleepingPod(namespace, t.unique("pod"), { restartPolicy: "Never", ...spec }, container)
  pod.metadata.annotations = { mysubpath: "mypath" }
  await t.client.resource(refs.pods).create(pod)
  await untilSucceeded(t, pod)
  return (await podLog(t, pod)).trimEnd().split("\n")
}

/** Checks that the pod writes all these lines, among others. */
export async function expectLines(
  t: ConformanceContext,
  namespace: string,
  lines: readonly (string | RegExp)[],
  container: Partial<corev1.Container>,
  spec: Partial<corev1.PodSpec> = {},
): Promise<void> {
  const output = await outputOf(t, namespace, container, spec)
  for (const line of lines) {
    const isThere = output.some((one) => (typeof line === "string" ? one === line : line.test(one)))
    assert.ok(isThere, `no line ${line} in:\n${output.join("\n")}`)
  }
}
