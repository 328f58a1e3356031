import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { busyboxPod, isTrue, startTestNode, statusOf, type TestNode } from "../support/node.ts"

let node: TestNode

before(async () => {
  node = await startTestNode("probes")
})
after(() => node?.stop())

const serve = (script = ""): { command: string[] } => ({
  command: ["sh", "-c", `mkdir /www; echo ok >/www/index.html; ${script} exec httpd -f -p 80 -h /www`],
})

describe("probes", { concurrency: 5 }, () => {
  test("readiness follows an HTTP probe", async () => {
    await node.run(
      busyboxPod("http", {
        ...serve(),
        ports: [{ name: "web", containerPort: 80 }],
        readinessProbe: {
          httpGet: { path: "/ready", port: "web" },
          periodSeconds: 1,
          timeoutSeconds: 20,
          failureThreshold: 1,
        },
      }),
    )
    const pod = await node.until("http", "to run", (pod) => statusOf(pod)?.state?.running)
    assert.equal(statusOf(pod)?.ready, false)
    assert.equal(
      pod.status?.conditions?.find(({ type }) => type === "Ready")?.message,
      "containers with unready status: [main]",
    )
    await node.exec("http", "main", "touch", "/www/ready")
    await node.until("http", "to be ready", (pod) => isTrue(pod, "Ready"))
    await node.exec("http", "main", "rm", "/www/ready")
    await node.until("http", "not to be ready", (pod) => !isTrue(pod, "Ready"))
    await node.untilEvent(
      "http",
      "Warning Unhealthy spec.containers{main} Readiness probe failed: HTTP probe failed with statuscode: 404",
    )
    await node.remove("http")
  })

  test("a container that fails its liveness probe is restarted", async () => {
    await node.run(
      busyboxPod("live", {
        command: ["sh", "-c", "touch /alive; sleep 3; rm /alive; sleep 1000"],
        livenessProbe: {
          ...{ exec: { command: ["cat", "/alive"] }, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 1 },
          terminationGracePeriodSeconds: 1,
        },
      }),
    )
    const pod = await node.until("live", "to be restarted", (pod) => statusOf(pod)?.restartCount === 1)
    assert.equal(statusOf(pod)?.lastState?.terminated?.exitCode, 137)
    await node.untilEvent(
      "live",
      "Normal Killing spec.containers{main} Container main failed liveness probe, will be restarted",
    )
    await node.untilEvent("live", /^Warning Unhealthy spec\.containers\{main\} Liveness probe failed: cat: /)
    await node.remove("live")
  })

  test("liveness and readiness wait for the startup probe", async () => {
    await node.run(
      busyboxPod("slow", {
        ...serve("while [ ! -e /started ]; do sleep 0.1; done;"),
        startupProbe: { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 1000 },
        livenessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 1 },
        readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1, timeoutSeconds: 20 },
      }),
    )
    const early = await node.until("slow", "to run", (pod) => statusOf(pod)?.state?.running)
    assert.equal(statusOf(early)?.started, false)
    await node.exec("slow", "main", "touch", "/started")
    const pod = await node.until("slow", "to be ready", (pod) => isTrue(pod, "Ready"))
    assert.equal(statusOf(pod)?.started, true)
    assert.equal(statusOf(pod)?.restartCount, 0)
    await node.remove("slow")
  })

  test("what nobody listens on is named in the event", async () => {
    await node.run(busyboxPod("refused", { readinessProbe: { httpGet: { port: 81 }, periodSeconds: 1 } }))
    await node.run(busyboxPod("refused2", { readinessProbe: { grpc: { port: 81 }, periodSeconds: 1 } }))
    await node.run(busyboxPod("timeout", { readinessProbe: { exec: { command: ["sleep", "5"] }, periodSeconds: 1 } }))
    await node.untilEvent(
      "refused",
      /Readiness probe failed: Get "http:\/\/10\.244\.1\.\d+:81\/": dial tcp 10\.244\.1\.\d+:81: connect: connection refused$/,
    )
    await node.untilEvent("refused2", /Readiness probe failed: timeout: failed to connect service/)
    await node.untilEvent("timeout", /Readiness probe failed: command timed out: "sleep 5" timed out after 1s$/)
    for (const name of ["refused", "refused2", "timeout"]) await node.remove(name)
  })
})
