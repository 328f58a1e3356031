import assert from "node:assert/strict"
import { before, describe, test } from "node:test"
import type { corev1 } from "@ladya/api"
import { type Cluster, patienceMs, sleepingPod } from "../support/cluster.ts"

/** What becomes of containers: probes, hooks, restarts, limits, images. */
export function podTests(cluster: () => Cluster): void {
  describe("pods", () => {
    const ns = "pods"
    const get = async (name: string): Promise<corev1.Pod> =>
      JSON.parse(await cluster().k(`-n ${ns} get pod ${name} -o json`)) as corev1.Pod
    const until = (name: string, what: string, condition: (pod: corev1.Pod) => boolean, timeoutMs = patienceMs) =>
      cluster().until(
        `pod ${name}: ${what}`,
        async () => {
          const pod = await get(name)
          return condition(pod) && pod
        },
        timeoutMs,
      )
    const main = (pod: corev1.Pod): corev1.ContainerStatus | undefined => pod.status?.containerStatuses?.[0]
    const shell = (script: string, extra: object = {}): object => ({ command: ["sh", "-c", script], ...extra })

    before(() => cluster().namespace(ns))

    test("a container that fails waits in CrashLoopBackOff and keeps its last state", async () => {
      await cluster().apply(sleepingPod(ns, "crash", {}, shell("echo bye; exit 3")))
      const pod = await until(
        "crash",
        "CrashLoopBackOff",
        (p) => main(p)?.state?.waiting?.reason === "CrashLoopBackOff",
      )
      assert.equal(main(pod)?.lastState?.terminated?.exitCode, 3)
      assert.equal(main(pod)?.lastState?.terminated?.reason, "Error")
      assert.match(main(pod)?.state?.waiting?.message ?? "", /back-off \d+s restarting failed container=main/)
      assert.ok((main(pod)?.restartCount ?? 0) >= 1)
    })

    test("init containers run one after another before the others", async () => {
      await cluster().apply(
        sleepingPod(
          ns,
          "inits",
          {
            volumes: [{ name: "v", emptyDir: {} }],
            initContainers: ["one", "two"].map((name) => ({
              name,
              image: "busybox",
              imagePullPolicy: "IfNotPresent",
              command: ["sh", "-c", `echo ${name} >> /v/order`],
              volumeMounts: [{ name: "v", mountPath: "/v" }],
            })),
          },
          { volumeMounts: [{ name: "v", mountPath: "/v" }] },
        ),
      )
      await until("inits", "ready", (p) => main(p)?.ready === true)
      assert.equal(await cluster().k(`-n ${ns} exec inits -- cat /v/order`), "one\ntwo\n")
    })

    test("a pod that never restarts ends as Succeeded or Failed", async () => {
      await cluster().apply(
        sleepingPod(ns, "good", { restartPolicy: "Never" }, shell("echo done > /dev/termination-log")),
        sleepingPod(ns, "bad", { restartPolicy: "Never" }, shell("exit 1")),
      )
      const good = await until("good", "Succeeded", (p) => p.status?.phase === "Succeeded")
      assert.equal(main(good)?.state?.terminated?.reason, "Completed")
      assert.equal(main(good)?.state?.terminated?.message, "done\n")
      await until("bad", "Failed", (p) => p.status?.phase === "Failed")
    })

    test("a failing liveness probe restarts, a failing readiness probe takes the pod out", async () => {
      const probe = (file: string): object => ({
        exec: { command: ["test", "-f", file] },
        periodSeconds: 1,
        timeoutSeconds: 20,
        failureThreshold: 2,
      })
      await cluster().apply(
        sleepingPod(
          ns,
          "probed",
          {},
          {
            livenessProbe: { ...probe("/tmp/live"), initialDelaySeconds: 1 },
            readinessProbe: probe("/tmp/ready"),
            command: ["sh", "-c", "touch /tmp/live /tmp/ready; trap exit TERM; while :; do sleep 0.2; done"],
          },
        ),
      )
      await until("probed", "ready", (p) => main(p)?.ready === true)
      await cluster().k(`-n ${ns} exec probed -- rm /tmp/ready`)
      await until("probed", "not ready", (p) => main(p)?.ready === false)
      await cluster().k(`-n ${ns} exec probed -- rm /tmp/live`)
      await until("probed", "restarted", (p) => (main(p)?.restartCount ?? 0) >= 1)
      await cluster().until("the event", async () =>
        (await cluster().k(`-n ${ns} get events`)).includes("Liveness probe failed"),
      )
    })

    test("a container over its memory limit is killed, and says so", async () => {
      await cluster().apply(
        sleepingPod(
          ns,
          "greedy",
          { restartPolicy: "Never" },
          {
            resources: { limits: { memory: "24Mi" } },
            command: ["sh", "-c", "exec tail /dev/zero"],
          },
        ),
      )
      const pod = await until("greedy", "ended", (p) => main(p)?.state?.terminated !== undefined)
      assert.equal(main(pod)?.state?.terminated?.reason, "OOMKilled")
      assert.equal(main(pod)?.state?.terminated?.exitCode, 137)
    })

    test("images that cannot be had are named, with the reason", async () => {
      await cluster().apply(
        sleepingPod(ns, "missing", {}, { image: "no-such-image:1" }),
        sleepingPod(ns, "invalid", {}, { image: "NOT//valid" }),
        sleepingPod(ns, "never", {}, { image: "absent:1", imagePullPolicy: "Never" }),
      )
      await until("missing", "image error", (p) =>
        ["ErrImagePull", "ImagePullBackOff"].includes(main(p)?.state?.waiting?.reason ?? ""),
      )
      await until("missing", "back-off", (p) => main(p)?.state?.waiting?.reason === "ImagePullBackOff")
      await until("invalid", "InvalidImageName", (p) => main(p)?.state?.waiting?.reason === "InvalidImageName")
      await until("never", "ErrImageNeverPull", (p) => main(p)?.state?.waiting?.reason === "ErrImageNeverPull")
    })

    test("hooks run at start and before the end, and the end is graceful", async () => {
      await cluster().apply(
        sleepingPod(
          ns,
          "hooked",
          { terminationGracePeriodSeconds: 10 },
          {
            lifecycle: {
              postStart: { exec: { command: ["sh", "-c", "echo started > /tmp/hook; echo starting > /proc/1/fd/1"] } },
              preStop: { exec: { command: ["sh", "-c", "echo stopping > /proc/1/fd/1"] } },
            },
          },
        ),
      )
      await until("hooked", "ready", (p) => main(p)?.ready === true)
      assert.equal(await cluster().k(`-n ${ns} exec hooked -- cat /tmp/hook`), "started\n")
      const logs = cluster().start(["-n", ns, "logs", "-f", "hooked"])
      await cluster().until("the logs to be followed", async () => logs.output().includes("starting"))
      await cluster().k(`-n ${ns} delete pod hooked --timeout=180s`)
      await cluster().until("the hook's word", async () => logs.output().includes("stopping"))
      await logs.stop()
    })

    test("environment from fields, resources, ConfigMaps and Secrets", async () => {
      await cluster().apply(
        { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace: ns }, data: { KEY: "from-map" } },
        { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: ns }, stringData: { pass: "word" } },
        sleepingPod(
          ns,
          "env",
          {},
          {
            resources: { limits: { cpu: "250m", memory: "32Mi" } },
            envFrom: [{ configMapRef: { name: "c" } }],
            env: [
              { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
              { name: "MEM", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
              { name: "PASS", valueFrom: { secretKeyRef: { name: "s", key: "pass" } } },
              { name: "JOINED", value: "$(NAME)-$(KEY)-$$(x)" },
            ],
          },
        ),
      )
      await until("env", "ready", (p) => main(p)?.ready === true)
      const env = await cluster().k(`-n ${ns} exec env -- env`)
      for (const line of [
        "KEY=from-map",
        "NAME=env",
        "MEM=32",
        "PASS=word",
        "JOINED=env-from-map-$(x)",
        "KUBERNETES_SERVICE_HOST=10.96.0.1",
      ]) {
        assert.ok(env.split("\n").includes(line), `${line} is not in:\n${env}`)
      }
    })

    test("a missing Secret holds the container back and is named", async () => {
      await cluster().apply(
        sleepingPod(
          ns,
          "wanting",
          {},
          { env: [{ name: "X", valueFrom: { secretKeyRef: { name: "later", key: "k" } } }] },
        ),
      )
      const pod = await until(
        "wanting",
        "held back",
        (p) => main(p)?.state?.waiting?.reason === "CreateContainerConfigError",
      )
      assert.match(main(pod)?.state?.waiting?.message ?? "", /secret "later" not found/)
      await cluster().apply({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "later", namespace: ns },
        stringData: { k: "v" },
      })
      await until("wanting", "running", (p) => main(p)?.ready === true)
    })

    test("security context: user, group, capabilities, read-only root", async () => {
      await cluster().apply(
        sleepingPod(
          ns,
          "secured",
          { securityContext: { runAsUser: 1234, runAsGroup: 2345, fsGroup: 3456 } },
          {
            securityContext: {
              readOnlyRootFilesystem: true,
              allowPrivilegeEscalation: false,
              capabilities: { drop: ["ALL"] },
            },
          },
        ),
        sleepingPod(ns, "rooted", {}, { securityContext: { runAsNonRoot: true } }),
      )
      await until("secured", "ready", (p) => main(p)?.ready === true)
      assert.match(await cluster().k(`-n ${ns} exec secured -- id`), /uid=1234 gid=2345 groups=2345,3456/)
      const write = await cluster().tryKubectl(["-n", ns, "exec", "secured", "--", "touch", "/x"])
      assert.match(write.stderr, /Read-only file system/)
      assert.match(await cluster().k(`-n ${ns} exec secured -- grep CapEff /proc/self/status`), /0000000000000000/)
      const refused = await until(
        "rooted",
        "refused",
        (p) => main(p)?.state?.waiting?.reason === "CreateContainerConfigError",
      )
      assert.match(main(refused)?.state?.waiting?.message ?? "", /runAsNonRoot/)
    })

    test("a pod that fits nowhere waits, and an event says why", async () => {
      await cluster().apply(sleepingPod(ns, "huge", {}, { resources: { requests: { cpu: "1000" } } }))
      const pod = await until("huge", "unschedulable", (p) =>
        (p.status?.conditions ?? []).some((c) => c.type === "PodScheduled" && c.reason === "Unschedulable"),
      )
      const condition = pod.status?.conditions?.find((c) => c.type === "PodScheduled")
      assert.match(condition?.message ?? "", /^0\/2 nodes are available: 2 Insufficient cpu/)
    })

    test("an ephemeral container can be added to look around", async () => {
      await cluster().apply(sleepingPod(ns, "patient"))
      await until("patient", "ready", (p) => main(p)?.ready === true)
      await cluster().kubectl([
        "-n",
        ns,
        "debug",
        "patient",
        "--image=busybox",
        "--container=doctor",
        "--",
        "sleep",
        "1000",
      ])
      await until(
        "patient",
        "ephemeral container runs",
        (p) => p.status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined,
      )
    })
  })
}
