import assert from "node:assert/strict"
import { before, describe, test } from "node:test"
import { type Cluster, sleepingPod, webDeployment, webService } from "../support/cluster.ts"

/** Pods of both nodes, Services of every type, and the cluster's names. */
export function networkTests(cluster: () => Cluster): void {
  describe("network", () => {
    const ns = "network"
    const on = (nodeName: string): object => ({ nodeName })
    let nodes: { name: string; address: string }[] = []
    const inPod = (pod: string, script: string): Promise<string> =>
      cluster().kubectl(["-n", ns, "exec", pod, "--", "sh", "-c", script])
    const fetchIn = (pod: string, url: string): Promise<string> => inPod(pod, `timeout 20 wget -q -O - ${url}`)
    const podIP = (name: string): Promise<string> =>
      cluster().kubectl(["-n", ns, "get", "pod", name, "-o", "jsonpath={.status.podIP}"])

    before(async () => {
      nodes = (await cluster().status()).nodes
      await cluster().namespace(ns)
      await cluster().apply(
        webDeployment(ns, "web", 2, {}),
        webService(ns, "web", { type: "NodePort" }),
        webService(ns, "sticky", { selector: { app: "web" }, sessionAffinity: "ClientIP" }),
        webService(ns, "headless", { selector: { app: "web" }, clusterIP: "None" }),
        webService(ns, "empty"),
        {
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: "alias", namespace: ns },
          spec: { type: "ExternalName", externalName: "web.network.svc.cluster.local" },
        },
        sleepingPod(ns, "client-a", on(nodes[0]!.name)),
        sleepingPod(ns, "client-b", on(nodes[1]!.name)),
      )
      await cluster().k(`-n ${ns} rollout status deployment/web --timeout=180s`)
      await cluster().k(`-n ${ns} wait --for=condition=Ready pod/client-a pod/client-b --timeout=180s`)
    })

    test("pods of the two nodes reach each other with their own addresses", async () => {
      const [a, b] = [await podIP("client-a"), await podIP("client-b")]
      assert.match(await inPod("client-a", `ping -c 1 -W 20 ${b}`), /1 packets received/)
      assert.match(await inPod("client-b", `ping -c 1 -W 20 ${a}`), /1 packets received/)
    })

    for (const client of ["client-a", "client-b"]) {
      test(`${client} reaches the Service by address and by every form of its name, and both pods answer`, async () => {
        const address = await cluster().kubectl(["-n", ns, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"])
        for (const host of [address, "web", "web.network", "web.network.svc", "web.network.svc.cluster.local"]) {
          assert.match(await fetchIn(client, `http://${host}/`), /^web-/)
        }
        const names = await inPod(
          client,
          "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do timeout 20 wget -q -O - http://web/; done",
        )
        assert.equal(new Set(names.trim().split("\n")).size, 2)
      })
    }

    test("a pod reaches itself through its own Service", async () => {
      const pod = (await cluster().k(`-n ${ns} get pods -l app=web -o name`)).split("\n")[0] as string
      const names = await cluster().kubectl([
        "-n",
        ns,
        "exec",
        pod,
        "--",
        "sh",
        "-c",
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do timeout 20 wget -q -O - http://web/; done",
      ])
      assert.equal(new Set(names.trim().split("\n")).size, 2)
    })

    test("session affinity keeps a client with one pod", async () => {
      const names = await inPod(
        "client-a",
        "for i in 1 2 3 4 5 6 7 8 9 10; do timeout 20 wget -q -O - http://sticky/; done",
      )
      assert.equal(new Set(names.trim().split("\n")).size, 1)
    })

    test("the node port answers on every node, from outside the cluster", async () => {
      const port = await cluster().kubectl([
        "-n",
        ns,
        "get",
        "service",
        "web",
        "-o",
        "jsonpath={.spec.ports[0].nodePort}",
      ])
      for (const node of nodes) {
        const answer = await fetch(`http://${node.address}:${port}/`, { signal: AbortSignal.timeout(30_000) })
        assert.match(await answer.text(), /^web-/)
      }
    })

    test("names: headless, SRV, reverse, external name, unknown", async () => {
      const headless = await inPod("client-a", "nslookup headless.network.svc.cluster.local")
      assert.equal([...headless.matchAll(/Address(?: \d+)?: (10\.244\.\d+\.\d+)/g)].length, 2, headless)
      const address = await cluster().kubectl(["-n", ns, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}"])
      assert.match(await inPod("client-a", `nslookup ${address}`), /web\.network\.svc\.cluster\.local/)
      assert.match(await fetchIn("client-a", "http://alias/"), /^web-/)
      const unknown = await cluster().tryKubectl([
        "-n",
        ns,
        "exec",
        "client-a",
        "--",
        "nslookup",
        "nope.network.svc.cluster.local",
      ])
      assert.notEqual(unknown.code, 0)
    })

    test("a Service without endpoints refuses at once", async () => {
      const outcome = await cluster().tryKubectl([
        "-n",
        ns,
        "exec",
        "client-a",
        "--",
        "timeout",
        "20",
        "wget",
        "-q",
        "-O",
        "-",
        "http://empty/",
      ])
      assert.match(outcome.stderr, /refused/)
    })

    test("pods speak to the API with the token of their account", async () => {
      await cluster().kubectl([
        "create",
        "clusterrolebinding",
        "network-view",
        "--clusterrole=view",
        `--serviceaccount=${ns}:default`,
      ])
      const script =
        'T=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token); test -s /var/run/secrets/kubernetes.io/serviceaccount/ca.crt && echo "$T" | cut -d. -f2'
      const payload = JSON.parse(Buffer.from((await inPod("client-a", script)).trim(), "base64url").toString()) as {
        sub: string
      }
      assert.equal(payload.sub, `system:serviceaccount:${ns}:default`)
    })

    test("a pod that goes leaves the Service, and its replacement comes in", async () => {
      const pod = (await cluster().k(`-n ${ns} get pods -l app=web -o name`)).split("\n")[0] as string
      await cluster().k(`-n ${ns} delete ${pod} --timeout=180s`)
      await cluster().k(`-n ${ns} rollout status deployment/web --timeout=180s`)
      const name = pod.replace("pod/", "")
      await cluster().until("the new endpoints on both nodes", async () => {
        const names = await inPod(
          "client-b",
          "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do timeout 20 wget -q -O - http://web/; done",
        )
        const seen = new Set(names.trim().split("\n"))
        return seen.size === 2 && !seen.has(name)
      })
    })

    test("host ports and the host's network", async () => {
      await cluster().apply(
        sleepingPod(ns, "hostport", on(nodes[0]!.name), {
          command: ["sh", "-c", "mkdir /www; echo host-port > /www/index.html; exec httpd -f -p 8080 -h /www"],
          ports: [{ containerPort: 8080, hostPort: 18_080 }],
        }),
        sleepingPod(ns, "hostnet", { ...on(nodes[1]!.name), hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" }),
      )
      await cluster().k(`-n ${ns} wait --for=condition=Ready pod/hostport pod/hostnet --timeout=180s`)
      const answer = await fetch(`http://${nodes[0]!.address}:18080/`, { signal: AbortSignal.timeout(30_000) })
      assert.equal(await answer.text(), "host-port\n")
      assert.equal(await podIP("hostnet"), nodes[1]!.address)
      assert.match(await fetchIn("hostnet", "http://web.network.svc.cluster.local/"), /^web-/)
    })
  })
}
