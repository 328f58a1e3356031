import assert from "node:assert/strict"
import { test } from "node:test"
import type { Kubectl } from "./smoke.ts"

const configMap = (name: string, data: Record<string, string>, labels?: Record<string, string>): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...(labels ? { labels } : {}) },
  data,
})

/** Making and changing objects. */
export function objectTests(kubectl: Kubectl): void {
  const k = (line: string) => kubectl().line(line)
  const apply = (object: object, flags = "") =>
    kubectl().run(["apply", ...flags.split(" ").filter(Boolean), "-f", "-"], { input: JSON.stringify(object) })
  const data = async (name: string): Promise<unknown> => JSON.parse(await k(`get configmap ${name} -o json`)).data

  test("create makes every kind it has a generator for", async () => {
    const file = kubectl().file("settings.properties", "a=1\n")
    for (const line of [
      `configmap generated --from-literal=x=y --from-file=${file}`,
      "secret generic generated --from-literal=p=q",
      "secret docker-registry pulled --docker-server=registry.local --docker-username=u --docker-password=p",
      "deployment generated --image=busybox --replicas=0 --port=80",
      "service clusterip generated --tcp=80:8080",
      "service nodeport generated-port --tcp=80:8080",
      "service externalname generated-name --external-name=example.com",
      "job generated --image=busybox --dry-run=client",
      "cronjob generated --image=busybox --schedule=0/5_*_*_*_*",
      "ingress generated --rule=example.com/path*=web:80",
      "quota generated --hard=count/ingresses.networking.k8s.io=5",
      "poddisruptionbudget generated --selector=app=none --min-available=1",
      "clusterrole generated --verb=get --resource=pods --dry-run=server",
      "priorityclass generated --value=5 --dry-run=server",
    ]) {
      const args = line.split(" ").map((word) => word.replaceAll("_", " "))
      assert.match(await kubectl().run(["create", ...args]), /created/, line)
    }
    assert.deepEqual(await data("generated"), { x: "y", "settings.properties": "a=1\n" })
    assert.equal(await k("get secret generated -o jsonpath={.data.p}"), "cQ==")
    assert.equal(await k("get job generated --ignore-not-found"), "")
    assert.match(await kubectl().fails("create configmap generated"), /\(AlreadyExists\)|already exists/)
    await k("delete deployment,service,cronjob,ingress,quota,pdb,secret,configmap generated")
    await k("delete service generated-port generated-name")
  })

  test("apply on the client: created, unchanged, diff, configured, fields that go", async () => {
    assert.match(await apply(configMap("applied", { a: "1", b: "2" })), /configmap\/applied created/)
    assert.match(await apply(configMap("applied", { a: "1", b: "2" })), /unchanged/)
    const next = JSON.stringify(configMap("applied", { a: "3" }))
    const diff = await kubectl().try(["diff", "-f", "-"], { input: next })
    assert.equal(diff.code, 1, diff.stderr)
    assert.match(diff.stdout, /^- +b: "2"$/m)
    assert.match(diff.stdout, /^\+ +a: "3"$/m)
    assert.match(await apply(configMap("applied", { a: "3" }), "--dry-run=server"), /\(server dry run\)/)
    assert.deepEqual(await data("applied"), { a: "1", b: "2" })
    await k('patch configmap applied -p {"data":{"c":"mine"}}')
    assert.match(await apply(configMap("applied", { a: "3" })), /configured/)
    assert.deepEqual(await data("applied"), { a: "3", c: "mine" })
    assert.match(await k("apply view-last-applied configmap applied"), /a: "3"/)
    const same = await kubectl().try(["diff", "-f", "-"], { input: next })
    assert.equal(same.code, 0, same.stdout)
  })

  test("apply on the server: conflicts name their owner, force takes over, fields go", async () => {
    assert.match(await apply(configMap("served", { a: "1", b: "2" }), "--server-side"), /serverside-applied/)
    await kubectl().run(["patch", "configmap", "served", "--type=merge", "-p", '{"data":{"a":"taken"}}'])
    const args = ["apply", "--server-side", "-f", "-"]
    const conflict = await kubectl().try(args, { input: JSON.stringify(configMap("served", { a: "1" })) })
    assert.notEqual(conflict.code, 0)
    assert.match(conflict.stderr, /conflict with "kubectl-patch" using v1: \.data\.a/)
    const diff = await kubectl().try(["diff", "--server-side", "--force-conflicts", "-f", "-"], {
      input: JSON.stringify(configMap("served", { a: "1" })),
    })
    assert.match(diff.stdout, /^- +b: "2"$/m)
    await apply(configMap("served", { a: "1" }), "--server-side --force-conflicts")
    assert.deepEqual(await data("served"), { a: "1" })
    // What was applied on the client is taken over whole.
    await apply(configMap("moved", { a: "1", b: "2" }))
    await apply(configMap("moved", { a: "1" }), "--server-side")
    assert.deepEqual(await data("moved"), { a: "1" })
  })

  test("apply --prune and -k: what is no longer named goes", async () => {
    const labels = { set: "pruned" }
    const list = (...names: string[]): object => ({
      apiVersion: "v1",
      kind: "List",
      items: names.map((name) => configMap(name, {}, labels)),
    })
    await apply(list("prune-a", "prune-b"))
    const pruned = await apply(list("prune-a"), "--prune -l set=pruned --prune-allowlist=core/v1/ConfigMap")
    assert.match(pruned, /configmap\/prune-b pruned/)
    assert.equal(await k("get configmaps -l set=pruned -o name"), "configmap/prune-a\n")

    kubectl().file("kustom/base.json", configMap("kustomized", { a: "1" }))
    kubectl().file(
      "kustom/kustomization.yaml",
      "resources: [base.json]\nnamePrefix: my-\nlabels: [{pairs: {by: kustomize}}]\nconfigMapGenerator: [{name: made, literals: [k=v]}]\n",
    )
    assert.match(await k(`kustomize ${kubectl().directory}/kustom`), /name: my-kustomized/)
    assert.match(await k(`apply -k ${kubectl().directory}/kustom`), /configmap\/my-kustomized created/)
    assert.match(await k("get configmaps -l by=kustomize -o name"), /configmap\/my-kustomized\nconfigmap\/my-made-/)
    await k(`delete -k ${kubectl().directory}/kustom`)
  })

  test("edit, patch of three kinds, set, replace, label, annotate", async () => {
    await apply(configMap("changed", { a: "1", b: "2" }))
    const editor = kubectl().file("editor.sh", '#!/bin/sh\nsed -i "s/a: .*/a: edited/" "$1"\n', 0o755)
    assert.match(await kubectl().line("edit configmap changed", { env: { EDITOR: editor } }), /changed edited/)
    for (const [type, patch] of [
      ["strategic", '{"data":{"c":"3"}}'],
      ["merge", '{"data":{"b":null}}'],
      ["json", '[{"op":"test","path":"/data/c","value":"3"},{"op":"move","from":"/data/c","path":"/data/d"}]'],
    ] as const) {
      assert.match(await kubectl().run(["patch", "configmap", "changed", `--type=${type}`, "-p", patch]), /patched/)
    }
    assert.deepEqual(await data("changed"), { a: "edited", d: "3" })

    const object = JSON.parse(await k("get configmap changed -o json")) as { data: object }
    const replacement = kubectl().file("replacement.json", { ...object, data: { whole: "new" } })
    assert.match(await k(`replace -f ${replacement}`), /configmap\/changed replaced/)
    assert.deepEqual(await data("changed"), { whole: "new" })
    assert.match(await kubectl().fails(`replace -f ${replacement}`), /the object has been modified/)
    const { uid } = JSON.parse(await k("get configmap changed -o json")).metadata
    await k(`replace --force -f ${kubectl().file("forced.json", configMap("changed", {}))}`)
    assert.notEqual(await k("get configmap changed -o jsonpath={.metadata.uid}"), uid)

    await k("label configmap changed tier=x")
    assert.match(await kubectl().fails("label configmap changed tier=y"), /already has a value|--overwrite is false/)
    await k("label configmap changed tier=y --overwrite")
    assert.equal(await k("get configmap -l tier=y -o name"), "configmap/changed\n")
    await k("label configmap changed tier-")
    assert.equal(await k("get configmap -l tier -o name"), "")
    await k("annotate configmap changed note=here")
    assert.equal(await k("get configmap changed -o jsonpath={.metadata.annotations.note}"), "here")
    await k("annotate configmap changed note-")
  })

  test("subresources are read and patched", async () => {
    assert.match(await k("get deployment web --subresource=scale -o yaml"), /kind: Scale[\s\S]*replicas: 2/)
    const condition = '{"status":{"conditions":[{"type":"example.com/seen","status":"True"}]}}'
    await kubectl().run(["patch", "pod", "box", "--subresource=status", "-p", condition])
    await k("wait pod/box --for=condition=example.com/seen --timeout=10s")
  })

  test("wrong manifests are refused with every wrong field named", async () => {
    const wrong = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "wrong" },
      spec: {
        replicas: -1,
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "c" } }, spec: { containers: [{ name: "x" }] } },
      },
    }
    const refused = await kubectl().try(["apply", "-f", "-"], { input: JSON.stringify(wrong) })
    assert.match(refused.stderr, /spec\.replicas: Invalid value: -1/)
    assert.match(refused.stderr, /spec\.template\.metadata\.labels: Invalid value/)
    assert.match(refused.stderr, /spec\.template\.spec\.containers\[0\]\.image: Required value/)
    const unknown = JSON.stringify({ ...configMap("unknown", {}), dota: {} })
    const strict = await kubectl().try(["create", "-f", "-"], { input: unknown })
    assert.match(strict.stderr, /unknown field "dota"/)
    const warned = await kubectl().try(["create", "--validate=warn", "-f", "-"], { input: unknown })
    assert.match(warned.stderr, /Warning: unknown field "dota"/)
  })

  test("delete by name, file, label and all; wait for the end", async () => {
    const directory = `${kubectl().directory}/manifests`
    kubectl().file("manifests/a.json", configMap("file-a", {}, { from: "file" }))
    kubectl().file("manifests/deep/b.json", configMap("file-b", {}, { from: "file" }))
    assert.match(await k(`create -R -f ${directory}`), /file-a created\nconfigmap\/file-b created/)
    assert.match(await k(`delete -f ${directory}`), /configmap "file-a" deleted/)
    assert.match(await k("delete configmap -l from=file"), /configmap "file-b" deleted/)
    // Ends at once when it is told to: a program that does not heed that takes its half minute.
    const loop = "trap exit TERM; while :; do sleep 0.2; done"
    await kubectl().run(["create", "deployment", "ended", "--image=busybox", "--", "sh", "-c", loop])
    await kubectl().cluster.until("its pod", async () => (await k("get pods -l app=ended -o name")) !== "")
    await k("delete deployment ended --cascade=foreground --grace-period=1 --timeout=60s")
    assert.equal(await k("get replicasets -l app=ended -o name"), "")
    await k("delete configmaps --field-selector metadata.name=served")
    await k("delete configmaps --all")
  })
}
