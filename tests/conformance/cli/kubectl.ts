import { spawn } from "node:child_process"
import type { corev1 } from "@ladya/api"
import { refs } from "@ladya/api"
import type { Client } from "@ladya/client"
import type { ConformanceContext } from "../support/context.ts"
import { isReady, servingPodSpec } from "../support/pods.ts"

/** kubectl in one namespace: `input`, when given, is what `-f -` reads, an object becoming JSON. */
export interface NamespacedKubectl {
  (line: string, input?: object | string): Promise<string>
  /** Arguments that have blanks in them. */
  args(args: readonly string[], input?: object | string): Promise<string>
}

export function newKubectl(t: ConformanceContext, namespace: string): NamespacedKubectl {
  const args = (list: readonly string[], input?: object | string): Promise<string> =>
    t.kubectl([`--namespace=${namespace}`, ...list], {
      input: typeof input === "object" ? JSON.stringify(input) : (input ?? ""),
    })
  const line = (text: string, input?: object | string): Promise<string> => args(text.split(" ").filter(Boolean), input)
  return Object.assign(line, { args })
}

/** Starts a kubectl that goes on, and ends it after the test. Gives what it has said so far. */
export function startKubectl(t: ConformanceContext, args: readonly string[]): () => string {
  const child = spawn("kubectl", [`--kubeconfig=${t.environment.kubeconfig}`, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  let said = ""
  const hear = (chunk: Buffer): void => {
    said += chunk
  }
  child.stdout.on("data", hear)
  child.stderr.on("data", hear)
  child.on("error", (error) => {
    said += error.message
  })
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
  t.defer(async () => {
    child.kill("SIGKILL")
    await closed
  })
  return () => said
}

/** A ReplicationController of pods that serve HTTP at 8080, as these tests make them with `kubectl create -f`. */
export function controller(name: string, labels: Record<string, string>, spec: corev1.PodSpec, replicas = 1): object {
  return {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name, labels },
    spec: { replicas, selector: labels, template: { metadata: { labels }, spec } },
  }
}

export const primaryLabels = { app: "agnhost", role: "primary" }

/** Creates the controller and the Service `agnhost-primary`, and gives its one pod when that is ready. */
export async function createPrimary(t: ConformanceContext, namespace: string): Promise<corev1.Pod> {
  const kubectl = newKubectl(t, namespace)
  await kubectl("create -f -", controller("agnhost-primary", primaryLabels, servingPodSpec()))
  const [pod] = await readyPods(t, namespace, primaryLabels, 1)
  return pod as corev1.Pod
}

/** The Service in front of it. */
export const primaryService = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "agnhost-primary", labels: primaryLabels },
  spec: { selector: primaryLabels, ports: [{ port: 6379, targetPort: 8080 }] },
}

/** Waits until so many pods with these labels are there and ready, and gives them. */
export function readyPods(
  t: { client: Client } & Pick<ConformanceContext, "until">,
  namespace: string,
  labels: Record<string, string>,
  count: number,
): Promise<corev1.Pod[]> {
  const labelSelector = Object.entries(labels)
    .map((pair) => pair.join("="))
    .join(",")
  return t.until(
    `${count} ready pods of ${labelSelector}`,
    async () => {
      const { items } = await t.client.resource(refs.pods).list({ namespace, labelSelector })
      const here = items.filter((pod) => !pod.metadata.deletionTimestamp)
      return here.length === count && here.every(isReady) ? here : undefined
    },
    120_000,
  )
}
