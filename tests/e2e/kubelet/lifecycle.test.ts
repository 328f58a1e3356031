import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { refs } from "@ladya/api"
import { busyboxPod, isTrue, patienceMs, startTestNode, statusOf, type TestNode } from "../support/node.ts"

let node: TestNode

before(async () => {
  node = await startTestNode("lifecycle")
})
after(() => node?.stop())

const sh = (script: string): { command: string[] } => ({ command: ["sh", "-c", script] })

describe("how containers end", { concurrency: 4 }, () => {
  test("a pod that may not restart succeeds or fails by its exit code", async () => {
    await node.run(busyboxPod("good", sh("echo done; exit 0"), { restartPolicy: "Never" }))
    await node.run(busyboxPod("bad", sh("echo words >/dev/termination-log; exit 3"), { restartPolicy: "Never" }))
    const good = await node.until("good", "Succeeded", ({ status }) => status?.phase === "Succeeded")
    assert.equal(statusOf(good)?.state?.terminated?.reason, "Completed")
    assert.equal(good.status?.conditions?.find(({ type }) => type === "Ready")?.reason, "PodCompleted")
    const bad = await node.until("bad", "Failed", ({ status }) => status?.phase === "Failed")
    const ended = statusOf(bad)?.state?.terminated
    assert.deepEqual([ended?.reason, ended?.exitCode, ended?.message], ["Error", 3, "words\n"])
    await node.remove("good")
    await node.remove("bad")
  })

  test("a container that crashes is restarted, then backed off", async () => {
    await node.run(busyboxPod("crash", sh("exit 1")))
    const pod = await node.until(
      "crash",
      "CrashLoopBackOff",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "CrashLoopBackOff" && statusOf(pod)?.restartCount === 1,
    )
    const status = statusOf(pod)
    assert.equal(
      status?.state?.waiting?.message,
      `back-off 10s restarting failed container=main pod=crash_default(${pod.metadata.uid})`,
    )
    assert.equal(status?.lastState?.terminated?.exitCode, 1)
    assert.equal(pod.status?.phase, "Running")
    await node.untilEvent(
      "crash",
      `Warning BackOff spec.containers{main} Back-off restarting failed container main in pod crash_default(${pod.metadata.uid})`,
    )
    await node.until("crash", "a second restart", (pod) => (statusOf(pod)?.restartCount ?? 0) >= 2)
    await node.remove("crash")
  })

  test("a container over its memory limit is OOMKilled", async () => {
    const hungry = { ...sh("tail /dev/zero"), resources: { limits: { memory: "16Mi" } } }
    await node.run(busyboxPod("hungry", hungry, { restartPolicy: "Never" }))
    const pod = await node.until("hungry", "to end", ({ status }) => status?.phase === "Failed")
    const ended = statusOf(pod)?.state?.terminated
    assert.deepEqual([ended?.reason, ended?.exitCode], ["OOMKilled", 137], JSON.stringify(pod.status))
    await node.remove("hungry")
  })

  test("a command that is not there is a StartError, then a CrashLoopBackOff", async () => {
    await node.run(busyboxPod("nocommand", { command: ["/no/such"] }))
    const pod = await node.until("nocommand", "to fail", (pod) => statusOf(pod)?.lastState?.terminated)
    assert.equal(statusOf(pod)?.lastState?.terminated?.reason, "StartError")
    assert.equal(statusOf(pod)?.lastState?.terminated?.exitCode, 128)
    await node.remove("nocommand")
  })

  test("the last words of a failed container may be its log", async () => {
    const words = { ...sh("echo one; echo two; exit 1"), terminationMessagePolicy: "FallbackToLogsOnError" }
    await node.run(busyboxPod("words", words, { restartPolicy: "Never" }))
    const pod = await node.until("words", "Failed", ({ status }) => status?.phase === "Failed")
    assert.equal(statusOf(pod)?.state?.terminated?.message, "one\ntwo\n")
    await node.remove("words")
  })

  test("a pod over its deadline is ended", async () => {
    await node.run(busyboxPod("late", {}, { activeDeadlineSeconds: 2 }))
    const pod = await node.until("late", "Failed", ({ status }) => status?.phase === "Failed")
    assert.equal(pod.status?.reason, "DeadlineExceeded")
    assert.equal(pod.status?.message, "Pod was active on the node longer than the specified deadline")
    await node.remove("late")
  })
})

describe("images", { concurrency: 4 }, () => {
  test("an image that is nowhere", async () => {
    await node.run(busyboxPod("noimage", { image: "nosuch:1" }))
    const first = await node.until(
      "noimage",
      "ErrImagePull",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "ErrImagePull",
    )
    assert.match(statusOf(first)?.state?.waiting?.message ?? "", /^rpc error: code = NotFound desc = .*not found$/)
    const then = await node.until(
      "noimage",
      "ImagePullBackOff",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "ImagePullBackOff",
    )
    assert.match(
      statusOf(then)?.state?.waiting?.message ?? "",
      /^Back-off pulling image "nosuch:1": ErrImagePull: rpc error/,
    )
    assert.equal(then.status?.phase, "Pending")
    await node.untilEvent("noimage", "Warning Failed spec.containers{main} Error: ErrImagePull")
    await node.untilEvent("noimage", "Warning Failed spec.containers{main} Error: ImagePullBackOff")
    await node.untilEvent("noimage", 'Normal BackOff spec.containers{main} Back-off pulling image "nosuch:1"')
    await node.remove("noimage")
  })

  test("names that are none, and images that may not be pulled", async () => {
    await node.run(busyboxPod("badname", { image: "Foo" }))
    await node.run(busyboxPod("never", { image: "other:1", imagePullPolicy: "Never" }))
    await node.run(busyboxPod("always", { imagePullPolicy: "Always" }))
    const bad = await node.until(
      "badname",
      "InvalidImageName",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "InvalidImageName",
    )
    assert.match(
      statusOf(bad)?.state?.waiting?.message ?? "",
      /^Failed to apply default image tag "Foo": couldn't parse image name/,
    )
    const never = await node.until(
      "never",
      "ErrImageNeverPull",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "ErrImageNeverPull",
    )
    assert.equal(
      statusOf(never)?.state?.waiting?.message,
      'Container image "other:1" is not present with pull policy of Never',
    )
    await node.until("always", "to run", (pod) => isTrue(pod, "Ready"))
    await node.untilEvent("always", 'Normal Pulling spec.containers{main} Pulling image "busybox"')
    await node.untilEvent(
      "always",
      /Successfully pulled image "busybox" in .* \(.* including waiting\)\. Image size: \d+ bytes\./,
    )
    for (const name of ["badname", "never", "always"]) await node.remove(name)
  })
})

describe("init containers and sidecars", { concurrency: 4 }, () => {
  const init = (name: string, script: string, more: object = {}): object => ({
    name,
    image: "busybox",
    imagePullPolicy: "IfNotPresent",
    ...sh(script),
    ...more,
  })

  test("run one after another before the main containers", async () => {
    const share = { volumeMounts: [{ name: "work", mountPath: "/work" }] }
    await node.run(
      busyboxPod(
        "inits",
        { ...sh("cat /work/order; sleep 1000"), ...share },
        {
          initContainers: [
            init("first", "while [ ! -e /work/go ]; do sleep 0.1; done; echo first >>/work/order", share) as never,
            init("second", "echo second >>/work/order", share) as never,
          ],
          volumes: [{ name: "work", emptyDir: {} }],
        },
      ),
    )
    const waiting = await node.until(
      "inits",
      "its first init container",
      (pod) => statusOf(pod, "first")?.state?.running,
    )
    assert.equal(statusOf(waiting)?.state?.waiting?.reason, "PodInitializing")
    assert.equal(
      waiting.status?.conditions?.find(({ type }) => type === "Initialized")?.message,
      "containers with incomplete status: [first second]",
    )
    await node.exec("inits", "first", "touch", "/work/go")
    await node.until("inits", "to run", (pod) => isTrue(pod, "Ready"))
    assert.equal(await node.exec("inits", "main", "cat", "/work/order"), "first\nsecond\n")
    await node.remove("inits")
  })

  test("a failing one keeps the pod from starting, or fails it", async () => {
    await node.run(
      busyboxPod("initbad", {}, { initContainers: [init("i", "exit 1") as never], restartPolicy: "Never" }),
    )
    await node.run(busyboxPod("initloop", {}, { initContainers: [init("i", "exit 1") as never] }))
    const bad = await node.until("initbad", "Failed", ({ status }) => status?.phase === "Failed")
    assert.equal(statusOf(bad, "i")?.state?.terminated?.exitCode, 1)
    assert.equal(statusOf(bad)?.state?.waiting?.reason, "PodInitializing")
    const loop = await node.until(
      "initloop",
      "to back off",
      (pod) => statusOf(pod, "i")?.state?.waiting?.reason === "CrashLoopBackOff",
    )
    assert.equal(loop.status?.phase, "Pending")
    await node.remove("initbad")
    await node.remove("initloop")
  })

  test("a sidecar runs beside the main container and ends after it", async () => {
    await node.run(
      busyboxPod("sidecar", sh("while [ ! -e /go ]; do sleep 0.1; done"), {
        restartPolicy: "Never",
        initContainers: [
          init("side", "trap 'exit 0' TERM; while true; do sleep 0.1; done", { restartPolicy: "Always" }) as never,
        ],
      }),
    )
    await node.until(
      "sidecar",
      "both to run",
      (pod) => statusOf(pod, "side")?.state?.running && statusOf(pod)?.state?.running,
    )
    await node.exec("sidecar", "main", "touch", "/go")
    const pod = await node.until("sidecar", "Succeeded", ({ status }) => status?.phase === "Succeeded")
    assert.equal(statusOf(pod, "side")?.state?.terminated?.exitCode, 0)
    await node.remove("sidecar")
  })
})

describe("configuration", { concurrency: 4 }, () => {
  test("a missing Secret keeps the container from being made until it is there", async () => {
    const env = [{ name: "X", valueFrom: { secretKeyRef: { name: "late", key: "x" } } }]
    await node.run(busyboxPod("nosecret", { env }))
    const pod = await node.until(
      "nosecret",
      "to say so",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "CreateContainerConfigError",
    )
    assert.equal(statusOf(pod)?.state?.waiting?.message, 'secret "late" not found')
    await node.untilEvent("nosecret", 'Warning Failed spec.containers{main} Error: secret "late" not found')
    await node.client.resource(refs.secrets).create({
      ...{ apiVersion: "v1", kind: "Secret", type: "Opaque" },
      metadata: { name: "late", namespace: "default" },
      data: { x: Buffer.from("found").toString("base64") },
    })
    await node.until("nosecret", "to run", (pod) => isTrue(pod, "Ready"))
    assert.match(await node.exec("nosecret", "main", "env"), /^X=found$/m)
    await node.remove("nosecret")
  })

  test("environment, arguments, host name, hosts and resolver", async () => {
    await node.client.resource(refs.configmaps).create({
      ...{ apiVersion: "v1", kind: "ConfigMap" },
      metadata: { name: "settings", namespace: "default" },
      data: { COLOUR: "blue", SIZE: "9" },
    })
    await node.run(
      busyboxPod(
        "env",
        {
          command: ["sh", "-c", "echo $(GREETING) >/tmp/said; sleep 1000"],
          env: [
            { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
            { name: "GREETING", value: "hello-$(POD_NAME)" },
            { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
          ],
          envFrom: [{ prefix: "S_", configMapRef: { name: "settings" } }],
          resources: { limits: { cpu: "250m", memory: "32Mi" } },
        },
        {
          hostname: "box",
          subdomain: "sub",
          hostAliases: [{ ip: "10.1.2.3", hostnames: ["foo.local", "bar.local"] }],
          dnsConfig: { options: [{ name: "ndots", value: "2" }] },
        },
      ),
    )
    const pod = await node.until("env", "to run", (pod) => isTrue(pod, "Ready"))
    const env = await node.exec("env", "main", "env")
    for (const line of ["POD_NAME=env", `POD_IP=${pod.status?.podIP}`, "S_COLOUR=blue", "S_SIZE=9", "CPU=250"]) {
      assert.ok(env.split("\n").includes(line), `${line} in\n${env}`)
    }
    assert.equal(await node.exec("env", "main", "cat", "/tmp/said"), "hello-env\n")
    assert.equal(await node.exec("env", "main", "hostname"), "box\n")
    const hosts = await node.exec("env", "main", "cat", "/etc/hosts")
    assert.ok(hosts.includes(`${pod.status?.podIP}\tbox.sub.default.svc.cluster.local\tbox`), hosts)
    assert.ok(hosts.includes("10.1.2.3\tfoo.local\tbar.local"), hosts)
    const resolv = await node.exec("env", "main", "cat", "/etc/resolv.conf")
    assert.match(resolv, /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m)
    assert.match(resolv, /^nameserver 10\.96\.0\.10$/m)
    assert.match(resolv, /^options ndots:2$/m)
    await node.remove("env")
  })
})

describe("ends", { concurrency: 4 }, () => {
  test("a pod is told to end, and runs its preStop hook first", async () => {
    const share = { volumeMounts: [{ name: "host", mountPath: "/out" }] }
    await node.run(
      busyboxPod(
        "graceful",
        {
          ...sh("trap 'echo term >>/out/log; exit 0' TERM; while true; do sleep 0.1; done"),
          ...share,
          lifecycle: {
            postStart: { exec: { command: ["sh", "-c", "echo start >>/out/log"] } },
            preStop: { exec: { command: ["sh", "-c", "echo stop >>/out/log"] } },
          },
        },
        {
          terminationGracePeriodSeconds: 20,
          volumes: [{ name: "host", hostPath: { path: `${node.home}/graceful`, type: "DirectoryOrCreate" } }],
        },
      ),
    )
    await node.until("graceful", "to run", (pod) => isTrue(pod, "Ready"))
    await node.remove("graceful")
    const { readFile } = await import("node:fs/promises")
    assert.equal(await readFile(`${node.home}/graceful/log`, "utf8"), "start\nstop\nterm\n")
  })

  test("a pod that is deleted by force is gone from the node too", async () => {
    const pod = await node.run(busyboxPod("forced", {}, { terminationGracePeriodSeconds: 600 }))
    await node.until("forced", "to run", (pod) => isTrue(pod, "Ready"))
    await node.remove("forced", 0)
    const { systemClock, waitFor } = await import("@ladya/util")
    const labelSelector = { "io.kubernetes.pod.uid": pod.metadata.uid ?? "" }
    await waitFor(systemClock, async () => (await node.cri.runtime.listPodSandboxes({ labelSelector })).length === 0, {
      description: "its sandbox to go",
      timeoutMs: patienceMs,
    })
  })
})
