import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { PodInfo } from "../../cache/pod-info.ts"
import type { ClusterEvent } from "../../framework/cluster-event.ts"
import { newPod } from "../../testing/objects.ts"
import { newPodHint } from "./hint.ts"

const term = (app: string): corev1.PodAffinityTerm => ({
  topologyKey: "zone",
  labelSelector: { matchLabels: { app } },
})
const pod = (app: string, affinity: corev1.Affinity = {}): corev1.Pod =>
  newPod(`pod-${app}`, { labels: { app }, spec: { affinity } })
const wants = (app: string): corev1.Affinity => ({
  podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] },
})
const avoids = (app: string): corev1.Affinity => ({
  podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] },
})

const added = (object: corev1.Pod): ClusterEvent => ({ resource: "AssignedPod", actions: ["Add"], object })
const deleted = (object: corev1.Pod): ClusterEvent => ({ resource: "AssignedPod", actions: ["Delete"], object })
const relabelled = (previous: corev1.Pod, object: corev1.Pod): ClusterEvent => ({
  resource: "AssignedPod",
  actions: ["UpdateLabels"],
  object,
  previous,
})

const rows: { name: string; waiting: corev1.Pod; event: ClusterEvent; want: "queue" | "skip" }[] = [
  { name: "who it looks for comes", waiting: pod("a", wants("b")), event: added(pod("b")), want: "queue" },
  { name: "somebody else comes", waiting: pod("a", wants("b")), event: added(pod("c")), want: "skip" },
  { name: "who it avoids comes", waiting: pod("a", avoids("b")), event: added(pod("b")), want: "skip" },
  { name: "who it avoids goes", waiting: pod("a", avoids("b")), event: deleted(pod("b")), want: "queue" },
  { name: "who avoids it goes", waiting: pod("a"), event: deleted(pod("b", avoids("a"))), want: "queue" },
  { name: "somebody else goes", waiting: pod("a", avoids("b")), event: deleted(pod("c")), want: "skip" },
  { name: "who it looks for goes", waiting: pod("a", wants("b")), event: deleted(pod("b")), want: "skip" },
  { name: "the last of its own group goes", waiting: pod("a", wants("a")), event: deleted(pod("a")), want: "queue" },
  {
    name: "one becomes who it looks for",
    waiting: pod("a", wants("b")),
    event: relabelled(pod("c"), pod("b")),
    want: "queue",
  },
  {
    name: "one is no longer who it avoids",
    waiting: pod("a", avoids("b")),
    event: relabelled(pod("b"), pod("c")),
    want: "queue",
  },
  {
    name: "one is still who it avoids",
    waiting: pod("a", avoids("b")),
    event: relabelled(pod("b"), pod("b")),
    want: "skip",
  },
]

for (const { name, waiting, event, want } of rows) {
  test(`pod affinity: ${name}: ${want}`, () => {
    assert.equal(newPodHint(() => undefined)(new PodInfo(waiting), event), want)
  })
}
