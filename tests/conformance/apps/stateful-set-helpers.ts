import { type appsv1, type corev1, refs } from "@ladya/api"
import { mapLimit } from "@ladya/util"
import type { ConformanceContext } from "../support/context.ts"
import { isReady, servingPodSpec } from "../support/pods.ts"
import { podsWith, untilPods } from "../support/workloads.ts"

export type StatefulSet = appsv1.StatefulSet
export interface Place {
  name: string
  namespace: string
}

export const labelsOf = ({ name }: Place): Record<string, string> => ({ name })

/** Makes a headless Service and a StatefulSet of pods that are ready while they serve a page. */
export async function createSet(
  t: ConformanceContext,
  place: Place,
  replicas: number,
  options: {
    spec?: Partial<appsv1.StatefulSetSpec>
    pod?: Partial<corev1.PodSpec>
    container?: Partial<corev1.Container>
    own?: Record<string, string>
  } = {},
): Promise<StatefulSet> {
  const labels = labelsOf(place)
  await t.client.resource(refs.services).create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "test", namespace: place.namespace, labels },
    spec: { clusterIP: "None", selector: labels, ports: [{ name: "http", port: 80 }] },
  })
  return await t.client.resource(refs.statefulsets).create({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { ...place, labels: { ...labels, ...options.own } },
    spec: {
      serviceName: "test",
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: servingPodSpec(options.pod, options.container) },
      ...options.spec,
    },
  })
}

export const namesOf = (pods: readonly corev1.Pod[]): string =>
  pods
    .map(({ metadata }) => metadata.name)
    .sort()
    .join(" ")

/** Waits until the members 0 to count-1 are there and ready, and no others. */
export function untilMembers(
  t: ConformanceContext,
  place: Place,
  count: number,
  isWanted: (pod: corev1.Pod) => boolean = () => true,
): Promise<corev1.Pod[]> {
  const names = Array.from({ length: count }, (_, ordinal) => `${place.name}-${ordinal}`).sort()
  return untilPods(t, place.namespace, labelsOf(place), `ready: ${names.join(" ")}`, (pods) => {
    return namesOf(pods) === names.join(" ") && pods.every((pod) => isReady(pod) && isWanted(pod))
  })
}

export async function setReplicas(t: ConformanceContext, { name, namespace }: Place, replicas: number): Promise<void> {
  await t.client.resource(refs.statefulsets).patch(name, "merge", { spec: { replicas } }, { namespace })
}

const move = (t: ConformanceContext, namespace: string, pod: string, from: string, to: string): Promise<string> =>
  t.kubectl(["-n", namespace, "exec", pod, "--", "mv", from, to])

/** Takes away what the readiness probe asks for, from all members that there are, and waits until none is ready. */
export async function breakProbes(t: ConformanceContext, place: Place): Promise<void> {
  const pods = await podsWith(t, place.namespace, labelsOf(place))
  const names = pods.map(({ metadata }) => metadata.name ?? "")
  await mapLimit(names, 3, (name) => move(t, place.namespace, name, "/www/index.html", "/www/away"))
  await untilPods(t, place.namespace, labelsOf(place), "none is ready", (all) => !all.some(isReady))
}

/** Puts it back, in these members. */
export async function mendProbes(t: ConformanceContext, place: Place, names: readonly string[]): Promise<void> {
  await mapLimit(names, 3, (name) => move(t, place.namespace, name, "/www/away", "/www/index.html"))
}
