import assert from "node:assert/strict"
import { test } from "node:test"
import type { KubectlVersion } from "../../../clients/programs.ts"
import type { Kubectl } from "./smoke.ts"

/** A definition of custom resources with a schema, columns and a scale subresource. */
function widgetDefinition(id: string, group: string): object {
  const schema = {
    type: "object",
    description: "A widget for the tests.",
    properties: {
      spec: {
        type: "object",
        description: "What the widget is to be.",
        required: ["size"],
        properties: {
          size: { type: "integer", minimum: 1, description: "How large it is, in furlongs." },
          replicas: { type: "integer", default: 1 },
        },
      },
      status: { type: "object", properties: { replicas: { type: "integer" } } },
    },
  }
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets${id}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: `widgets${id}`, kind: `Widget${id}`, categories: [`tools${id}`] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: {
            status: {},
            scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
          },
          additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".spec.size" }],
        },
      ],
    },
  }
}

export function discoveryTests(kubectl: Kubectl, version: KubectlVersion): void {
  const k = (line: string) => kubectl().line(line)

  test("version, cluster-info, api-versions, api-resources", async () => {
    const versions = JSON.parse(await k("version -o json")) as Record<string, { major: string; minor: string }>
    assert.equal(`${versions["clientVersion"]?.major}.${versions["clientVersion"]?.minor}`, version)
    assert.equal(versions["serverVersion"]?.minor, "36")
    assert.match(await k("cluster-info"), /Kubernetes control plane.* is running at .*https:/)
    assert.match(await k("api-versions"), /^apps\/v1$/m)
    const resources = await k("api-resources")
    assert.match(resources, /^deployments +deploy +apps\/v1 +true +Deployment$/m)
    assert.match(resources, /^nodes +no +v1 +false +Node$/m)
    assert.match(await k("api-resources --verbs=list,create --namespaced=true -o name"), /^deployments\.apps$/m)
    assert.match(await k("api-resources --api-group=batch -o wide"), /^jobs +batch\/v1 +true +Job +create,delete,/m)
  })

  test("explain tells of built-in kinds", async () => {
    assert.match(await k("explain pods.spec.containers"), /FIELDS?:[\s\S]*imagePullPolicy/)
    assert.match(await k("explain deployment.spec.strategy --recursive"), /rollingUpdate[\s\S]*maxSurge/)
    assert.match(await k("explain hpa --api-version=autoscaling/v2"), /VERSION: +(autoscaling\/)?v2/)
    assert.match(await kubectl().fails("explain pods.spec.nothing"), /field "nothing" does not exist/)
  })

  test("custom resources: discovery, explain, columns, validation, scale", async () => {
    // explain takes what follows the first dot for a field: plural names differ, not groups alone.
    const id = version.replace(".", "")
    const group = "clients.example.com"
    const widgets = `widgets${id}`
    const widget = (name: string, spec: object): object => ({
      apiVersion: `${group}/v1`,
      kind: `Widget${id}`,
      metadata: { name },
      spec,
    })
    await k(`apply -f ${kubectl().file("definition.json", widgetDefinition(id, group))}`)
    try {
      await k(`wait --for=condition=Established crd/${widgets}.${group} --timeout=30s`)
      await kubectl().cluster.until("its OpenAPI", async () => {
        return (await k(`explain ${widgets}.spec.size`)).includes("How large it is, in furlongs.")
      })
      await k(`apply -f ${kubectl().file("widget.json", widget("one", { size: 3 }))}`)
      assert.match(await k(`get ${widgets}`), /NAME +SIZE\none +3/)
      assert.match(await k(`get tools${id} -o name`), /\/one\n/)
      const wrong = kubectl().file("wrong.json", widget("two", { size: 0 }))
      assert.match(await kubectl().fails(`apply -f ${wrong}`), /spec\.size[\s\S]*greater than or equal to 1/)
      await k(`scale ${widgets}/one --replicas=4`)
      assert.equal(await k(`get ${widgets} one -o jsonpath={.spec.replicas}`), "4")
      await kubectl().run(["patch", widgets, "one", "--type=merge", "-p", '{"spec":{"size":5}}'])
      assert.equal(await k(`get ${widgets}/one -o jsonpath={.spec.size}`), "5")
      await k(`delete ${widgets} one`)
    } finally {
      await k(`delete crd ${widgets}.${group}`)
    }
  })

  test("auth can-i, whoami, as another user, create token", async () => {
    assert.equal(await k("auth can-i delete pods"), "yes\n")
    assert.match(await kubectl().fails("auth can-i delete pods --as nobody"), /^no\n/)
    assert.match(await k("auth can-i --list"), /\*\.\* +\[\] +\[\] +\[\*\]/)
    assert.match(await k("auth whoami"), /Username +kubernetes-admin/)
    assert.match(await kubectl().fails("get pods --as nobody"), /User "nobody" cannot list resource "pods"/)
    await k("create role reader --verb=get,list --resource=pods")
    await k("create serviceaccount reader")
    await k(`create rolebinding reader --role=reader --serviceaccount=${kubectl().namespace}:reader`)
    const account = `system:serviceaccount:${kubectl().namespace}:reader`
    assert.equal(await k(`auth can-i list pods --as ${account}`), "yes\n")
    const token = (await k("create token reader --duration=10m")).trim()
    const emptyConfig = kubectl().file("no-users", { apiVersion: "v1", kind: "Config" })
    const { server, authority } = await endpoint(kubectl)
    const remote = `--kubeconfig=${emptyConfig} --server=${server} --certificate-authority=${authority} --token=${token}`
    assert.match(await k(`${remote} auth whoami`), new RegExp(`Username +${account}`))
    assert.match(await kubectl().fails(`${remote} delete pod box`), /cannot delete resource "pods"/)
  })

  test("get --raw reads any path", async () => {
    assert.equal(await k("get --raw /readyz"), "ok")
    assert.match(await k("get --raw /livez?verbose"), /livez check passed/)
    assert.equal(JSON.parse(await k("get --raw /version")).major, "1")
    assert.match(await k(`get --raw /api/v1/namespaces/${kubectl().namespace}/services/web:http/proxy/`), /^web-/)
  })
}

/** Where the server is and which authority vouches for it, out of the kubeconfig. */
async function endpoint(kubectl: Kubectl): Promise<{ server: string; authority: string }> {
  const config = JSON.parse(await kubectl().line("config view --raw --minify -o json")) as {
    clusters: { cluster: Record<string, string> }[]
  }
  const entry = config.clusters[0]?.cluster
  const data = entry?.["certificate-authority-data"]
  assert.ok(entry?.["server"] && data, "the kubeconfig names no server")
  return { server: entry["server"], authority: kubectl().file("ca.crt", Buffer.from(data, "base64").toString()) }
}
