import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import { isStatus, type ResourceRef } from "@ladya/apimachinery"
import type { ConformanceContext } from "../support/context.ts"
import { expectLines } from "../support/output.ts"
import { runPod, sleepingPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"

interface VolumeOptions {
  items?: corev1.KeyToPath[]
  defaultMode?: number
  name?: string
  optional?: boolean
}

/** How a volume shows a ConfigMap or a Secret, alone or projected. */
interface Source {
  /** How codenames begin. */
  title: string
  isSecret: boolean
  volume(options?: VolumeOptions): Omit<corev1.Volume, "name">
}

const sources: readonly Source[] = [
  {
    title: "ConfigMap",
    isSecret: false,
    volume: ({ name = "source", ...options } = {}) => ({ configMap: { name, ...options } }),
  },
  {
    title: "Projected configMap",
    isSecret: false,
    volume: ({ name = "source", defaultMode, ...options } = {}) => ({
      projected: { sources: [{ configMap: { name, ...options } }], ...(defaultMode ? { defaultMode } : {}) },
    }),
  },
  {
    title: "Secrets",
    isSecret: true,
    volume: ({ name = "source", ...options } = {}) => ({ secret: { secretName: name, ...options } }),
  },
  {
    title: "Projected secret",
    isSecret: true,
    volume: ({ name = "source", defaultMode, ...options } = {}) => ({
      projected: { sources: [{ secret: { name, ...options } }], ...(defaultMode ? { defaultMode } : {}) },
    }),
  },
]

async function create(
  t: ConformanceContext,
  { isSecret }: Source,
  namespace: string,
  data: Record<string, string> = { "data-1": "value-1", "data-2": "value-2" },
  name = "source",
): Promise<void> {
  const metadata = { name, namespace }
  if (isSecret)
    await t.client.resource(refs.secrets).create({ apiVersion: "v1", kind: "Secret", metadata, stringData: data })
  else await t.client.resource(refs.configmaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata, data })
}

const shown = (path: string) => ["sh", "-c", `cat /etc/volume/${path}; echo; stat -L -c %a /etc/volume/${path}`]
const mount = { name: "volume", mountPath: "/etc/volume", readOnly: true }
const mapped = { items: [{ key: "data-2", path: "path/to/data-2" }] }
const nonRoot = { securityContext: { runAsUser: 1000 } }

interface Case {
  name: string
  options?: VolumeOptions
  path?: string
  lines: string[]
  pod?: Partial<corev1.PodSpec>
}

/** What they have in common, by the end of the codename. */
function casesOf({ isSecret }: Source): Case[] {
  const itemMode = { items: [{ key: "data-2", path: "path/to/data-2", mode: 0o400 }] }
  const item = `with mappings and Item ${isSecret ? "Mode" : "mode"} set [LinuxOnly]`
  const both: Case[] = [
    { name: "", lines: ["value-1", "644"] },
    { name: "with defaultMode set [LinuxOnly]", options: { defaultMode: 0o400 }, lines: ["value-1", "400"] },
    { name: "with mappings", options: mapped, path: "path/to/data-2", lines: ["value-2"] },
    { name: item, options: itemMode, path: "path/to/data-2", lines: ["value-2", "400"] },
  ]
  if (isSecret) {
    const pod = { securityContext: { runAsUser: 1000, fsGroup: 1001 } }
    const name = "as non-root with defaultMode and fsGroup set [LinuxOnly]"
    return [...both, { name, options: { defaultMode: 0o440 }, lines: ["value-1", "440"], pod }]
  }
  return [
    ...both,
    { name: "as non-root", lines: ["value-1"], pod: nonRoot },
    { name: "with mappings as non-root", options: mapped, path: "path/to/data-2", lines: ["value-2"], pod: nonRoot },
  ]
}

for (const source of sources) {
  for (const { name, options, path = "data-1", lines, pod } of casesOf(source)) {
    const what = `should be consumable from pods in volume${name ? ` ${name}` : ""}`
    conformance(`[sig-storage] ${source.title} ${what} [NodeConformance] [Conformance]`, async (t) => {
      const namespace = await t.namespace()
      await create(t, source, namespace)
      const volumes = [{ name: "volume", ...source.volume(options) }]
      await expectLines(t, namespace, lines, { command: shown(path), volumeMounts: [mount] }, { volumes, ...pod })
    })
  }

  const several = `should be consumable in multiple volumes in ${source.isSecret ? "a" : "the same"} pod`
  conformance(`[sig-storage] ${source.title} ${several} [NodeConformance] [Conformance]`, async (t) => {
    const namespace = await t.namespace()
    await create(t, source, namespace)
    const volumes = ["one", "two"].map((name) => ({ name, ...source.volume() }))
    const volumeMounts = ["one", "two"].map((name) => ({ name, mountPath: `/etc/${name}` }))
    const command = ["sh", "-c", "cat /etc/one/data-1; echo; cat /etc/two/data-2"]
    await expectLines(t, namespace, ["value-1", "value-2"], { command, volumeMounts }, { volumes })
  })

  conformance(
    `[sig-storage] ${source.title} optional updates should be reflected in volume [NodeConformance] [Conformance]`,
    async (t) => {
      const namespace = await t.namespace()
      for (const name of ["deleted", "updated"]) await create(t, source, namespace, { "data-1": "value-1" }, name)
      const names = ["deleted", "updated", "created"]
      const volumes = names.map((name) => ({ name, ...source.volume({ name, optional: true }) }))
      const volumeMounts = names.map((name) => ({ name, mountPath: `/etc/${name}` }))
      await runPod(t, sleepingPod(namespace, "reader", { volumes }, { volumeMounts }))
      const files = async () => {
        const script =
          "for n in deleted updated created; do for f in /etc/$n/data-*; do cat $f 2>/dev/null; echo; done; done"
        return (await t.kubectl(["-n", namespace, "exec", "reader", "--", "sh", "-c", script]))
          .split(/\s+/)
          .filter(Boolean)
      }
      assert.deepEqual(await files(), ["value-1", "value-1"])
      const ref: ResourceRef = source.isSecret ? refs.secrets : refs.configmaps
      await t.client.resource(ref).delete("deleted", { namespace })
      const data = { "data-1": null, "data-3": source.isSecret ? Buffer.from("value-3").toString("base64") : "value-3" }
      await t.client.resource(ref).patch("updated", "merge", { data }, { namespace })
      await create(t, source, namespace, { "data-1": "value-4" }, "created")
      await t.until("the volumes to follow", async () => (await files()).join() === "value-3,value-4", 150_000)
    },
  )
}

for (const source of sources.filter(({ isSecret }) => !isSecret)) {
  conformance(
    `[sig-storage] ${source.title} updates should be reflected in volume [NodeConformance] [Conformance]`,
    async (t) => {
      const namespace = await t.namespace()
      await create(t, source, namespace)
      const volumes = [{ name: "volume", ...source.volume() }]
      await runPod(t, sleepingPod(namespace, "reader", { volumes }, { volumeMounts: [mount] }))
      await t.client
        .resource(refs.configmaps)
        .patch("source", "merge", { data: { "data-1": "changed" } }, { namespace })
      const read = () => t.kubectl(["-n", namespace, "exec", "reader", "--", "cat", "/etc/volume/data-1"])
      await t.until("the file to change", async () => (await read()) === "changed", 150_000)
    },
  )
}

const plain: readonly [Source | undefined, ResourceRef][] = [
  [sources[0], refs.configmaps],
  [sources[2], refs.secrets],
]
for (const [source, ref] of plain) {
  conformance(
    `[sig-storage] ${source?.title} should be immutable if \`immutable\` field is set [Conformance]`,
    async (t) => {
      if (!source) return
      const namespace = await t.namespace()
      await create(t, source, namespace, { "data-1": "value-1" })
      const patch = (body: object) => t.client.resource(ref).patch("source", "merge", body, { namespace })
      const next = (text: string) => ({ data: { "data-1": Buffer.from(text).toString("base64") } })
      await patch(next("value-2"))
      await patch({ immutable: true })
      await assert.rejects(patch(next("value-3")), (error) => isStatus(error, "Invalid"))
      await assert.rejects(patch({ immutable: false }), (error) => isStatus(error, "Invalid"))
      // What is about the object and not of it may change.
      await patch({ metadata: { labels: { still: "changing" } } })
      await t.client.resource(ref).delete("source", { namespace })
    },
  )
}

conformance(
  "[sig-storage] ConfigMap binary data should be reflected in volume [NodeConformance] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const bytes = Buffer.from([0xde, 0xca, 0xfe, 0xba, 0xd0, 0xfe, 0xff])
    await t.client.resource(refs.configmaps).create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "source", namespace },
      data: { "data-1": "value-1" },
      binaryData: { "dump.bin": bytes.toString("base64") },
    })
    const command = ["sh", "-c", "cat /etc/volume/data-1; echo; hexdump -v -e '1/1 \"%02x\"' /etc/volume/dump.bin"]
    const volumes = [{ name: "volume", configMap: { name: "source" } }]
    const lines = ["value-1", bytes.toString("hex")]
    await expectLines(t, namespace, lines, { command, volumeMounts: [mount] }, { volumes })
  },
)

conformance(
  "[sig-storage] Secrets should be able to mount in a volume regardless of a different secret existing with same name in different namespace [NodeConformance] [Conformance]",
  async (t) => {
    const [namespace, other] = [await t.namespace(), await t.namespace()]
    const [, , secrets] = sources
    assert.ok(secrets)
    await create(t, secrets, other, { "data-1": "another" })
    await create(t, secrets, namespace)
    const volumes = [{ name: "volume", ...secrets.volume() }]
    await expectLines(t, namespace, ["value-1"], { command: shown("data-1"), volumeMounts: [mount] }, { volumes })
  },
)
