import { type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "./context.ts"

/** What pods run that need no more than a shell. */
export const busybox = "busybox"

/** A pod that sleeps until it is told to end, which it does at once; `spec` and `container` are laid over it. */
export function sleepingPod(
  namespace: string,
  name: string,
  spec: Partial<corev1.PodSpec> = {},
  container: Partial<corev1.Container> = {},
): corev1.Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { name } },
    spec: sleepingPodSpec(spec, container),
  }
}

/** The spec of such a pod, for templates. */
export function sleepingPodSpec(
  spec: Partial<corev1.PodSpec> = {},
  container: Partial<corev1.Container> = {},
): corev1.PodSpec {
  return {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: "main",
        image: busybox,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"],
        ...container,
      },
    ],
    ...spec,
  }
}

/** A pod of the helper image in one of its roles: tests/conformance/image/roles. */
export async function helperPod(
  t: ConformanceContext,
  namespace: string,
  name: string,
  args: readonly string[],
  spec: Partial<corev1.PodSpec> = {},
  container: Partial<corev1.Container> = {},
): Promise<corev1.Pod> {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "main",
          image: await t.image(),
          imagePullPolicy: "IfNotPresent",
          args: [...args],
          ...container,
        },
      ],
      ...spec,
    },
  }
}

/** Creates the pod and waits until it is ready; 90 s at most. */
export async function runPod(t: ConformanceContext, pod: corev1.Pod): Promise<corev1.Pod> {
  const created = await t.client.resource(refs.pods).create(pod)
  return await untilPod(t, created, "ready", isReady)
}

/** Waits until the pod is as wanted; the error shows its last status. */
export async function untilPod(
  t: ConformanceContext,
  pod: corev1.Pod,
  what: string,
  wanted: (pod: corev1.Pod) => unknown,
  timeoutMs = 90_000,
): Promise<corev1.Pod> {
  const { name = "", namespace = "" } = pod.metadata
  let last: corev1.Pod | undefined
  return await t
    .until(
      `pod ${name} to be ${what}`,
      async () => {
        last = await t.client.resource(refs.pods).get(name, { namespace })
        return wanted(last) ? last : undefined
      },
      timeoutMs,
    )
    .catch((error: Error) => {
      throw new Error(`${error.message}\nlast status: ${JSON.stringify(last?.status)}`, { cause: error })
    })
}

export function isReady(pod: corev1.Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false
}

/** Waits until the pod has ended, and gives its phase's object. Throws when it failed. */
export async function untilSucceeded(t: ConformanceContext, pod: corev1.Pod): Promise<corev1.Pod> {
  const ended = await untilPod(t, pod, "ended", ({ status }) => ["Succeeded", "Failed"].includes(status?.phase ?? ""))
  if (ended.status?.phase === "Succeeded") return ended
  throw new Error(`pod ${pod.metadata.name} failed: ${JSON.stringify(ended.status)}`)
}

/** What the pod's container has written. */
export async function podLog(t: ConformanceContext, pod: corev1.Pod, query = ""): Promise<string> {
  const { name, namespace } = pod.metadata
  const answer = await t.http("GET", `/api/v1/namespaces/${namespace}/pods/${name}/log${query}`)
  if (answer.status !== 200) throw new Error(`the log of ${name}: ${answer.status} ${answer.text}`)
  return answer.text
}

/** A pod that serves its own name over HTTP at port 8080, and is ready when it does. */
export function servingPodSpec(
  spec: Partial<corev1.PodSpec> = {},
  container: Partial<corev1.Container> = {},
): corev1.PodSpec {
  return {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: "main",
        image: busybox,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", "-c", "mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www"],
        ports: [{ containerPort: 8080 }],
        readinessProbe: { httpGet: { path: "/index.html", port: 8080 }, periodSeconds: 1 },
        ...container,
      },
    ],
    ...spec,
  }
}
