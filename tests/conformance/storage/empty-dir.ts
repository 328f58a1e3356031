import assert from "node:assert/strict"
import { refs } from "@ladya/api"
import { expectLines } from "../support/output.ts"
import { podLog, sleepingPod, untilSucceeded } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"

const mount = { name: "volume", mountPath: "/test" }
const media = { default: {}, tmpfs: { medium: "Memory" } } as const

for (const [user, securityContext] of [
  ["root", {}],
  ["non-root", { runAsUser: 1001 }],
] as const) {
  for (const mode of ["0644", "0666", "0777"]) {
    for (const [medium, emptyDir] of Object.entries(media)) {
      conformance(
        `[sig-storage] EmptyDir volumes should support (${user},${mode},${medium}) [LinuxOnly] [NodeConformance] [Conformance]`,
        async (t) => {
          const file = "/test/file"
          const type = "stat -f -c %T /test"
          const script = `umask 0; echo content > ${file}; chmod ${mode} ${file}; cat ${file}; stat -c %a ${file}; ${type}`
          const lines = ["content", mode.slice(1), ...(medium === "tmpfs" ? ["tmpfs"] : [])]
          const container = { command: ["sh", "-c", script], volumeMounts: [mount], securityContext }
          await expectLines(t, await t.namespace(), lines, container, { volumes: [{ name: "volume", emptyDir }] })
        },
      )
    }
  }
}

for (const [where, emptyDir] of [
  ["default medium", media.default],
  ["tmpfs", media.tmpfs],
] as const) {
  conformance(
    `[sig-storage] EmptyDir volumes volume on ${where} should have the correct mode [LinuxOnly] [NodeConformance] [Conformance]`,
    async (t) => {
      // All permissions; a file system in memory may be sticky besides.
      const container = { command: ["stat", "-c", "%a", "/test"], volumeMounts: [mount] }
      await expectLines(t, await t.namespace(), [/^1?777$/], container, { volumes: [{ name: "volume", emptyDir }] })
    },
  )
}

conformance(
  "[sig-storage] EmptyDir volumes pod should support shared volumes between containers [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const pod = sleepingPod(namespace, "pod-sharedvolume", {
      restartPolicy: "Never",
      volumes: [{ name: "volume", emptyDir: {} }],
    })
    const [main] = pod.spec?.containers ?? []
    assert.ok(main && pod.spec)
    const container = (name: string, script: string) => ({
      ...main,
      name,
      command: ["sh", "-c", script],
      volumeMounts: [mount],
    })
    pod.spec.containers = [
      container("writer", "echo hello > /test/shared"),
      container("reader", "while ! [ -s /test/shared ]; do sleep 0.1; done; cat /test/shared"),
    ]
    await t.client.resource(refs.pods).create(pod)
    await untilSucceeded(t, pod)
    assert.equal((await podLog(t, pod, "?container=reader")).trim(), "hello")
  },
)
