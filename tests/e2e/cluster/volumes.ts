import assert from "node:assert/strict"
import { before, describe, test } from "node:test"
import { type Cluster, sleepingPod } from "../support/cluster.ts"

/** What containers find in their file systems. */
export function volumeTests(cluster: () => Cluster): void {
  describe("volumes", () => {
    const ns = "volumes"
    const inPod = (pod: string, script: string): Promise<string> =>
      cluster().kubectl(["-n", ns, "exec", pod, "--", "sh", "-c", script])
    const config = (value: string): object => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "conf", namespace: ns },
      data: { "app.conf": value },
    })

    before(async () => {
      await cluster().namespace(ns)
      await cluster().apply(
        config("one"),
        { apiVersion: "v1", kind: "Secret", metadata: { name: "key", namespace: ns }, stringData: { token: "hidden" } },
        sleepingPod(
          ns,
          "all",
          {
            volumes: [
              { name: "disk", emptyDir: {} },
              { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "8Mi" } },
              { name: "conf", configMap: { name: "conf" } },
              { name: "key", secret: { secretName: "key", defaultMode: 0o400 } },
              {
                name: "about",
                downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] },
              },
              {
                name: "both",
                projected: {
                  sources: [
                    { configMap: { name: "conf" } },
                    { secret: { name: "key" } },
                    { serviceAccountToken: { path: "jwt", audience: "someone", expirationSeconds: 600 } },
                  ],
                },
              },
              { name: "host", hostPath: { path: "/tmp/ladya-e2e-host", type: "DirectoryOrCreate" } },
            ],
          },
          {
            volumeMounts: [
              { name: "disk", mountPath: "/disk" },
              { name: "memory", mountPath: "/memory" },
              { name: "conf", mountPath: "/conf" },
              { name: "conf", mountPath: "/single/app.conf", subPath: "app.conf" },
              { name: "key", mountPath: "/key", readOnly: true },
              { name: "about", mountPath: "/about" },
              { name: "both", mountPath: "/both" },
              { name: "host", mountPath: "/host" },
            ],
          },
        ),
      )
      await cluster().k(`-n ${ns} wait --for=condition=Ready pod/all --timeout=180s`)
    })

    test("each holds what it should", async () => {
      assert.equal(
        await inPod("all", "cat /conf/app.conf /single/app.conf /key/token /both/app.conf /both/token"),
        "oneonehiddenonehidden",
      )
      assert.match(await inPod("all", "cat /about/labels"), /app="all"/)
      const payload = (await inPod("all", "cut -d. -f2 /both/jwt")).trim()
      assert.deepEqual((JSON.parse(Buffer.from(payload, "base64url").toString()) as { aud: string[] }).aud, ["someone"])
      await inPod("all", "echo x > /disk/x && echo y > /memory/y && echo z > /host/z")
    })

    test("secrets and memory volumes live in memory, with their modes", async () => {
      const mounts = await inPod("all", "cat /proc/mounts")
      assert.match(mounts, / \/key tmpfs ro/)
      assert.match(mounts, / \/memory tmpfs/)
      assert.match(await inPod("all", "stat -L -c %a /key/token"), /^400/)
    })

    test("a changed ConfigMap and changed labels arrive while the pod runs; a subPath stays", async () => {
      await cluster().apply(config("two"))
      await cluster().k(`-n ${ns} label pod all colour=red`)
      await cluster().until("the new text", async () => (await inPod("all", "cat /conf/app.conf")) === "two")
      await cluster().until("the new label", async () =>
        (await inPod("all", "cat /about/labels")).includes('colour="red"'),
      )
      assert.equal(await inPod("all", "cat /single/app.conf"), "one")
    })

    test("an emptyDir outlives a container, not its pod", async () => {
      await cluster().tryKubectl(["-n", ns, "exec", "all", "--", "kill", "1"])
      await cluster().until("the restart", async () => {
        const count = await cluster().kubectl([
          "-n",
          ns,
          "get",
          "pod",
          "all",
          "-o",
          "jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}",
        ])
        return /^[1-9]\d* true$/.test(count)
      })
      assert.equal(await inPod("all", "cat /disk/x"), "x\n")
    })

    test("a volume that cannot be had is named in an event", async () => {
      await cluster().apply(
        sleepingPod(
          ns,
          "wanting",
          { volumes: [{ name: "v", configMap: { name: "absent" } }] },
          { volumeMounts: [{ name: "v", mountPath: "/v" }] },
        ),
      )
      await cluster().until("the event", async () =>
        (await cluster().k(`-n ${ns} get events`)).includes(
          'MountVolume.SetUp failed for volume "v" : configmap "absent" not found',
        ),
      )
    })
  })
}
