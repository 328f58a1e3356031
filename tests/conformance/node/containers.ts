import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { expectLines, outputOf } from "../support/output.ts"
import { helperPod, podLog, runPod, sleepingPod, untilPod, untilSucceeded } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"

/** What a container of the helper image's entry point gets as arguments, as the role `entrypoint-tester` tells it. */
async function startedWith(t: ConformanceContext, container: Partial<corev1.Container>): Promise<string> {
  const pod = await helperPod(t, await t.namespace(), "client", [], { restartPolicy: "Never" }, container)
  await t.client.resource(refs.pods).create(pod)
  await untilSucceeded(t, pod)
  return (await podLog(t, pod)).trim()
}

const node = "/usr/local/bin/node"
const program = "/helper/main.ts"

conformance(
  "[sig-node] Containers should be able to override the image's default arguments (container cmd) [NodeConformance] [Conformance]",
  async (t) => {
    assert.equal(
      await startedWith(t, { args: ["entrypoint-tester", "override", "arguments"] }),
      '["override","arguments"]',
    )
  },
)

conformance(
  "[sig-node] Containers should be able to override the image's default command (container entrypoint) [NodeConformance] [Conformance]",
  async (t) => {
    const command = [node, program, "entrypoint-tester", "override"]
    assert.equal(await startedWith(t, { command, args: [] }), '["override"]')
  },
)

conformance(
  "[sig-node] Containers should be able to override the image's default command and arguments [NodeConformance] [Conformance]",
  async (t) => {
    const command = [node, program]
    const args = ["entrypoint-tester", "override", "arguments"]
    assert.equal(await startedWith(t, { command, args }), '["override","arguments"]')
  },
)

conformance(
  "[sig-node] Kubelet when scheduling a busybox command in a pod should print the output to logs [NodeConformance] [Conformance]",
  async (t) => {
    const command = ["sh", "-c", "echo 'Hello World'"]
    assert.deepEqual(await outputOf(t, await t.namespace(), { command }), ["Hello World"])
  },
)

conformance(
  "[sig-node] Kubelet when scheduling a busybox command that always fails in a pod should have an terminated reason [NodeConformance] [Conformance]",
  async (t) => {
    const pod = sleepingPod(await t.namespace(), "bin-false", {}, { command: ["/bin/false"] })
    await t.client.resource(refs.pods).create(pod)
    await untilPod(t, pod, "terminated with a reason", ({ status }) => {
      const { state, lastState } = status?.containerStatuses?.[0] ?? {}
      const terminated = state?.terminated ?? lastState?.terminated
      return terminated?.exitCode === 1 && terminated.reason === "Error"
    })
  },
)

conformance(
  "[sig-node] Kubelet when scheduling a busybox command that always fails in a pod should be possible to delete [NodeConformance] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const pods = t.client.resource(refs.pods)
    await pods.create(sleepingPod(namespace, "bin-false", {}, { command: ["/bin/false"] }))
    await pods.delete("bin-false", { namespace })
    await t.until("the pod to be gone", async () => (await pods.list({ namespace })).items.length === 0)
  },
)

conformance(
  "[sig-node] Kubelet when scheduling a read only busybox container should not write to root filesystem [LinuxOnly] [NodeConformance] [Conformance]",
  async (t) => {
    const command = ["sh", "-c", "echo test > /file || echo refused"]
    const securityContext = { readOnlyRootFilesystem: true }
    await expectLines(t, await t.namespace(), ["refused"], { command, securityContext })
  },
)

conformance(
  "[sig-node] Kubelet when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts [NodeConformance] [Conformance]",
  async (t) => {
    const hostAliases = [{ ip: "123.45.67.89", hostnames: ["foo", "bar"] }]
    const command = ["cat", "/etc/hosts"]
    await expectLines(t, await t.namespace(), [/^123\.45\.67\.89\s+foo\s+bar$/], { command }, { hostAliases })
  },
)

const id = ["sh", "-c", "id -u; id -g"]

conformance(
  "[sig-node] Security Context When creating a container with runAsUser should run the container with uid 65534 [LinuxOnly] [NodeConformance] [Conformance]",
  async (t) => {
    const lines = await outputOf(t, await t.namespace(), { command: id, securityContext: { runAsUser: 65534 } })
    assert.equal(lines[0], "65534")
  },
)

conformance(
  "[sig-node] Security Context should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup [LinuxOnly] [Conformance]",
  async (t) => {
    const securityContext = { runAsUser: 1001, runAsGroup: 2002 }
    assert.deepEqual(await outputOf(t, await t.namespace(), { command: id }, { securityContext }), ["1001", "2002"])
  },
)

conformance(
  "[sig-node] Security Context should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup [LinuxOnly] [Conformance]",
  async (t) => {
    const securityContext = { runAsUser: 1001, runAsGroup: 2002 }
    assert.deepEqual(await outputOf(t, await t.namespace(), { command: id, securityContext }), ["1001", "2002"])
  },
)

conformance(
  "[sig-node] Security Context When creating a pod with privileged should run the container as unprivileged when false [LinuxOnly] [NodeConformance] [Conformance]",
  async (t) => {
    const command = ["sh", "-c", "ip link add dummy0 type dummy || echo refused"]
    await expectLines(t, await t.namespace(), ["refused"], { command, securityContext: { privileged: false } })
  },
)

conformance(
  "[sig-node] Security Context When creating a pod with readOnlyRootFilesystem should run the container with writable rootfs when readOnlyRootFilesystem=false [NodeConformance] [Conformance]",
  async (t) => {
    const command = ["sh", "-c", "touch checkfile && echo written"]
    await expectLines(t, await t.namespace(), ["written"], {
      command,
      securityContext: { readOnlyRootFilesystem: false },
    })
  },
)

conformance(
  "[sig-node] Security Context when creating containers with AllowPrivilegeEscalation should not allow privilege escalation when false [LinuxOnly] [NodeConformance] [Conformance]",
  async (t) => {
    const command = ["sh", "-c", "grep NoNewPrivs /proc/self/status"]
    const securityContext = { runAsUser: 1000, allowPrivilegeEscalation: false }
    await expectLines(t, await t.namespace(), [/^NoNewPrivs:\s*1$/], { command, securityContext })
  },
)

conformance("[sig-node] Pods should get a host IP [NodeConformance] [Conformance]", async (t) => {
  const pod = sleepingPod(await t.namespace(), "pod-hostip")
  await t.client.resource(refs.pods).create(pod)
  const { status } = await untilPod(t, pod, "told its host", (one) => one.status?.hostIP)
  assert.match(status?.hostIP ?? "", /^\d+\.\d+\.\d+\.\d+$/)
})

conformance("[sig-node] Pods should be updated [NodeConformance] [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const running = await runPod(t, sleepingPod(namespace, "pod-update"))
  const labels = { ...running.metadata.labels, time: "updated" }
  await t.client.resource(refs.pods).patch("pod-update", "merge", { metadata: { labels } }, { namespace })
  const { items } = await t.client.resource(refs.pods).list({ namespace, labelSelector: "time=updated" })
  assert.equal(items.length, 1)
})

conformance(
  "[sig-node] Pods should allow activeDeadlineSeconds to be updated [NodeConformance] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const pod = await runPod(t, sleepingPod(namespace, "pod-update-activedeadlineseconds"))
    const name = pod.metadata.name ?? ""
    await t.client.resource(refs.pods).patch(name, "merge", { spec: { activeDeadlineSeconds: 3 } }, { namespace })
    await untilPod(t, pod, "past its deadline", ({ status }) => {
      return status?.phase === "Failed" && status.reason === "DeadlineExceeded"
    })
  },
)

conformance("[sig-node] Pods should delete a collection of pods [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const pods = t.client.resource(refs.pods)
  for (const number of [1, 2, 3]) {
    const pod = sleepingPod(namespace, `test-pod-${number}`)
    pod.metadata.labels = { type: "Testing" }
    await pods.create(pod)
  }
  await pods.deleteCollection({ namespace, labelSelector: "type=Testing" })
  await t.until("all to be gone", async () => (await pods.list({ namespace })).items.length === 0)
})

conformance(
  "[sig-node] Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const amounts = { cpu: "10m", memory: "32Mi" }
    const pod = sleepingPod(namespace, "pod-qos-class", {}, { resources: { requests: amounts, limits: amounts } })
    await t.client.resource(refs.pods).create(pod)
    const { status } = await t.client.resource(refs.pods).get("pod-qos-class", { namespace })
    assert.equal(status?.qosClass, "Guaranteed")
  },
)
