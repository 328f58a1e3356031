import assert from "node:assert/strict"
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { before, describe, test } from "node:test"
import { type Cluster, runProgram, sleepingPod, webDeployment, webService } from "../support/cluster.ts"

/** What people do with kubectl all day, with the machine's own kubectl. */
export function kubectlTests(cluster: () => Cluster): void {
  describe("kubectl", () => {
    const ns = "kubectl"
    const k = (line: string, options = {}): Promise<string> => cluster().k(`-n ${ns} ${line}`, options)
    const kubectl = (...args: string[]): Promise<string> => cluster().kubectl(["-n", ns, ...args])

    before(async () => {
      await cluster().namespace(ns)
      await cluster().apply(webDeployment(ns, "web", 2), webService(ns, "web"), sleepingPod(ns, "box"))
      await k("rollout status deployment/web --timeout=180s")
      await k("wait --for=condition=Ready pod/box --timeout=180s")
    })

    test("get prints tables with the columns people know", async () => {
      assert.match(await k("get pods"), /^NAME +READY +STATUS +RESTARTS +AGE\n/)
      assert.match(await k("get pods -o wide"), /IP +NODE +NOMINATED NODE +READINESS GATES/)
      assert.match(await k("get deployments"), /NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +/)
      assert.match(await k("get services"), /NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE/)
      assert.match(await cluster().k("get nodes"), /NAME +STATUS +ROLES +AGE +VERSION\n.* Ready /)
      assert.match(await k("get all"), /replicaset.apps\/web-/)
      assert.match(await k("get pods --show-labels"), /app=web/)
      assert.match(await cluster().k("get pods -A"), /NAMESPACE +NAME/)
      assert.match(await k("get events"), /LAST SEEN +TYPE +REASON +OBJECT +MESSAGE/)
    })

    test("get prints every other form", async () => {
      assert.equal(JSON.parse(await k("get deployment web -o json")).spec.replicas, 2)
      assert.match(await k("get deployment web -o yaml"), /^apiVersion: apps\/v1\nkind: Deployment/)
      assert.equal((await k("get deployment web -o name")).trim(), "deployment.apps/web")
      assert.equal(await kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"), "2")
      assert.match(await k("get deployment web -o custom-columns=N:.metadata.name,R:.spec.replicas"), /web +2/)
      assert.equal(await kubectl("get", "deployment", "web", "-o", "go-template={{.metadata.name}}"), "web")
      assert.equal((await k("get pods -l app=web -o name")).trim().split("\n").length, 2)
      assert.equal((await k("get pods --field-selector metadata.name=box -o name")).trim(), "pod/box")
      assert.match(await k("get pods --sort-by=.metadata.name"), /^NAME[^\n]*\nbox/)
      assert.match(await kubectl("get", "--raw", "/readyz?verbose"), /readyz check passed/)
    })

    test("describe tells of pods, deployments, services and nodes", async () => {
      // Events are told of after what they tell of.
      const pod = await cluster().until("the event of the start", async () => {
        const text = await k("describe pod box")
        return /Started container main|Container started/.test(text) && text
      })
      assert.match(pod, /Status: +Running/)
      assert.match(pod, /Successfully assigned kubectl\/box to/)
      assert.match(await k("describe deployment web"), /Replicas: +2 desired \| 2 updated \| 2 total \| 2 available/)
      assert.match(await k("describe service web"), /Endpoints: +10\.244\.\d+\.\d+:8080/)
      assert.match(await cluster().k("describe nodes"), /Allocated resources:/)
    })

    test("apply, diff, edit, patch, set, label, annotate and replace", async () => {
      const object = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "conf", namespace: ns },
        data: { a: "1" },
      }
      assert.match(await cluster().apply(object), /configmap\/conf created/)
      assert.match(await cluster().apply(object), /configmap\/conf unchanged/)
      const changed = { ...object, data: { a: "2" } }
      const diff = await cluster().tryKubectl(["diff", "-f", "-"], { input: JSON.stringify(changed) })
      assert.equal(diff.code, 1, diff.stderr)
      assert.match(diff.stdout, /\+ +a: "2"/)
      assert.match(await cluster().apply(changed), /configmap\/conf configured/)
      assert.match(await cluster().apply({ ...object, data: { b: "3" } }), /configured/)
      assert.deepEqual(JSON.parse(await k("get configmap conf -o json")).data, { b: "3" })
      const editor = join(cluster().directory, "editor.sh")
      writeFileSync(editor, '#!/bin/sh\nsed -i "s/b: .*/b: edited/" "$1"\n')
      chmodSync(editor, 0o755)
      await k("edit configmap conf", { env: { EDITOR: editor } })
      await kubectl("patch", "configmap", "conf", "--type=merge", "-p", '{"data":{"c":"4"}}')
      await kubectl("patch", "configmap", "conf", "--type=json", "-p", '[{"op":"add","path":"/data/d","value":"5"}]')
      await kubectl("patch", "configmap", "conf", "-p", '{"data":{"c":null}}')
      assert.deepEqual(JSON.parse(await k("get configmap conf -o json")).data, { b: "edited", d: "5" })
      await k("label configmap conf tier=x")
      await k("annotate configmap conf note=y")
      assert.equal((await k("get configmap -l tier=x -o name")).trim(), "configmap/conf")
      await kubectl("create", "secret", "generic", "s", "--from-literal=p=q")
      assert.equal(await kubectl("get", "secret", "s", "-o", "jsonpath={.data.p}"), Buffer.from("q").toString("base64"))
    })

    test("scale to 0 and back", async () => {
      await k("scale deployment/web --replicas=0")
      await k("wait --for=delete pod -l app=web --timeout=180s")
      assert.match(await k("get deployment web"), /0\/0/)
      await k("scale deployment/web --replicas=2")
      await k("rollout status deployment/web --timeout=180s")
    })

    test("rollout: status, history, undo, restart, pause and resume", async () => {
      await kubectl("set", "env", "deployment/web", "STAGE=two")
      await k("rollout status deployment/web --timeout=180s")
      assert.match(await k("rollout history deployment/web"), /REVISION +CHANGE-CAUSE\n1 .*\n2 /)
      await k("rollout undo deployment/web")
      await k("rollout status deployment/web --timeout=180s")
      assert.equal(
        await kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].env}"),
        "",
      )
      await k("rollout pause deployment/web")
      await k("rollout resume deployment/web")
      await k("rollout restart deployment/web")
      await k("rollout status deployment/web --timeout=180s")
    })

    test("logs: whole, followed, of the container before", async () => {
      await cluster().apply(
        sleepingPod(
          ns,
          "talker",
          {},
          { command: ["sh", "-c", "for i in 1 2 3; do echo line $i; done; sleep 5; echo end"] },
        ),
      )
      await k("wait --for=condition=Ready pod/talker --timeout=180s")
      assert.equal(await k("logs -f talker"), "line 1\nline 2\nline 3\nend\n")
      await cluster().until("the second start", async () => {
        const count = await kubectl(
          "get",
          "pod",
          "talker",
          "-o",
          "jsonpath={.status.containerStatuses[0].restartCount}",
        )
        return Number(count) >= 1
      })
      assert.match(await k("logs --previous talker"), /end\n$/)
      assert.match(await k("logs --tail=1 --previous talker"), /^end\n$/)
      assert.match(await k("logs --timestamps --since=5m --previous talker"), /^\d{4}-\d\d-\d\dT[^ ]+ line 1\n/)
      await k("delete pod talker --now")
    })

    test("exec: output, exit code, input, terminal", async () => {
      assert.equal(await k("exec box -- echo hello"), "hello\n")
      const failed = await cluster().tryKubectl(["-n", ns, "exec", "box", "--", "sh", "-c", "exit 7"])
      assert.equal(failed.code, 7)
      assert.equal(await k("exec -i box -- cat", { input: "through\n" }), "through\n")
      const terminal = await runProgram("script", ["-qec", `kubectl -n ${ns} exec -it box -- tty`, "/dev/null"], {
        env: cluster().environment,
      })
      assert.match(terminal.stdout, /\/dev\/pts\//)
    })

    test("cp there and back keeps the bytes", async () => {
      const from = join(cluster().directory, "data.bin")
      const back = join(cluster().directory, "back.bin")
      writeFileSync(from, Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251)))
      await k(`cp ${from} box:/tmp/data.bin`)
      await k(`cp box:/tmp/data.bin ${back}`)
      assert.ok(readFileSync(from).equals(readFileSync(back)))
    })

    test("port-forward reaches a pod and a service", async () => {
      const forward = cluster().start(["-n", ns, "port-forward", "service/web", ":80"])
      try {
        const port = await cluster().until(
          "the forwarded port",
          async () => /127\.0\.0\.1:(\d+)/.exec(forward.output())?.[1],
        )
        const answer = await fetch(`http://127.0.0.1:${port}/`)
        assert.match(await answer.text(), /^web-/)
      } finally {
        await forward.stop()
      }
    })

    test("run with input, pull policy Always", async () => {
      const output = await k("run -i --rm --restart=Never --image=busybox --image-pull-policy=Always once -- cat", {
        input: "piped\n",
      })
      assert.match(output, /piped/)
    })

    test("attach shows what a container says", async () => {
      await cluster().apply(
        sleepingPod(ns, "ticker", {}, { command: ["sh", "-c", "while :; do echo tick; sleep 0.2; done"] }),
      )
      await k("wait --for=condition=Ready pod/ticker --timeout=180s")
      const attached = cluster().start(["-n", ns, "attach", "ticker"])
      try {
        await cluster().until("a line of the container", async () => attached.output().includes("tick"))
      } finally {
        await attached.stop()
      }
      await k("delete pod ticker --now")
    })

    test("HTTP proxy to services and pods through the API server", async () => {
      assert.match(await kubectl("get", "--raw", `/api/v1/namespaces/${ns}/services/web:http/proxy/`), /^web-/)
    })

    test("explain, api-resources, api-versions, auth can-i, version, cluster-info", async () => {
      assert.match(await k("explain pod.spec.containers"), /FIELDS?:/)
      assert.match(await k("explain deployment.spec.strategy --recursive"), /rollingUpdate/)
      const resources = await k("api-resources")
      for (const name of ["pods", "deployments", "ingresses", "horizontalpodautoscalers"])
        assert.match(resources, new RegExp(`^${name} `, "m"))
      assert.match(await k("api-versions"), /^apps\/v1$/m)
      assert.equal((await k("auth can-i delete pods")).trim(), "yes")
      const denied = await cluster().tryKubectl(["auth", "can-i", "delete", "pods", "--as", "nobody"])
      assert.equal(denied.stdout.trim(), "no")
      assert.match(await k("version"), /Server Version: v1\.36\./)
      assert.match(await k("cluster-info"), /is running at/)
    })

    test("create, expose and delete by name, label and file", async () => {
      await kubectl(
        ...[
          "create",
          "deployment",
          "made",
          "--image=busybox",
          "--",
          "sh",
          "-c",
          "trap exit TERM; while :; do sleep 0.2; done",
        ],
      )
      await k("expose deployment made --port=80")
      assert.match(await k("get service made -o name"), /service\/made/)
      const directory = join(cluster().directory, "manifests")
      mkdirSync(directory, { recursive: true })
      writeFileSync(
        join(directory, "a.yaml"),
        `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: f1, namespace: ${ns}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: f2, namespace: ${ns}}\n`,
      )
      assert.match(await k(`create -f ${directory}`), /configmap\/f1 created\nconfigmap\/f2 created/)
      assert.match(await k(`delete -f ${directory}`), /configmap "f1" deleted/)
      await k("delete deployment,service made --cascade=foreground --timeout=180s")
      await cluster().until("the pods to go", async () => (await k("get pods -l app=made -o name")) === "")
    })

    test("wrong manifests are refused with every wrong field named", async () => {
      const wrong = {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "wrong", namespace: ns },
        spec: {
          replicas: -1,
          selector: { matchLabels: { a: "b" } },
          template: { metadata: { labels: { a: "c" } }, spec: { containers: [{ name: "x" }] } },
        },
      }
      const outcome = await cluster().tryKubectl(["apply", "-f", "-"], { input: JSON.stringify(wrong) })
      assert.notEqual(outcome.code, 0)
      assert.match(outcome.stderr, /spec\.replicas: Invalid value: -1/)
      assert.match(outcome.stderr, /selector/)
      assert.match(outcome.stderr, /spec\.template\.spec\.containers\[0\]\.image: Required value/)
      const unknown = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "u", namespace: ns }, dota: {} }
      const strict = await cluster().tryKubectl(["apply", "-f", "-"], { input: JSON.stringify(unknown) })
      assert.match(strict.stderr, /unknown field "dota"/)
    })

    test("a namespace is deleted with all that is in it", async () => {
      await k("delete namespace kubectl --timeout=180s")
      const gone = await cluster().tryKubectl(["get", "namespace", ns])
      assert.match(gone.stderr, /NotFound/)
    })
  })
}
