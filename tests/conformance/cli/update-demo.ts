import assert from "node:assert/strict"
import type { ConformanceContext } from "../support/context.ts"
import { servingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { controller, type NamespacedKubectl, newKubectl } from "./kubectl.ts"

const name = "update-demo-nautilus"
const labels = { name: "update-demo", version: "nautilus" }

function manifest(): object {
  const script = `mkdir /www; echo '{"image": "nautilus.jpg"}' > /www/data.json; exec httpd -f -p 8080 -h /www`
  const spec = servingPodSpec({}, { name: "update-demo", command: ["sh", "-c", script] })
  const [container] = spec.containers
  if (container) container.readinessProbe = { httpGet: { path: "/data.json", port: 8080 }, periodSeconds: 1 }
  return controller(name, labels, spec, 2)
}

const namesTemplate = "{{range .items}}{{.metadata.name}} {{end}}"
const runningTemplate =
  '{{if (exists . "status" "containerStatuses")}}{{range .status.containerStatuses}}' +
  '{{if (and (eq .name "update-demo") (exists . "state" "running"))}}true{{end}}{{end}}{{end}}'

/** Waits until so many pods are there, run, and serve their data through the API server. */
async function validate(t: ConformanceContext, kubectl: NamespacedKubectl, namespace: string, count: number) {
  await t.until(
    `${count} pods that serve`,
    async () => {
      const listed = await kubectl.args([
        "get",
        "pods",
        "-o",
        "template",
        `--template=${namesTemplate}`,
        "-l",
        "name=update-demo",
      ])
      const pods = listed.split(" ").filter(Boolean)
      if (pods.length !== count) return false
      for (const pod of pods) {
        if ((await kubectl.args(["get", "pods", pod, "-o", "template", `--template=${runningTemplate}`])) !== "true")
          return false
        const answer = await t.http("GET", `/api/v1/namespaces/${namespace}/pods/${pod}/proxy/data.json`)
        if (answer.status !== 200 || JSON.parse(answer.text).image !== "nautilus.jpg") return false
      }
      return true
    },
    120_000,
  )
}

conformance(
  "[sig-cli] Kubectl client Update Demo should create and stop a replication controller [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const kubectl = newKubectl(t, namespace)
    await kubectl("create -f -", manifest())
    await validate(t, kubectl, namespace, 2)
    await kubectl("delete --grace-period=0 --force -f -", manifest())
    assert.equal(await kubectl("get rc,svc -l name=update-demo --no-headers"), "")
    await t.until("the pods to go", async () => {
      const template =
        "{{ range .items }}{{ if not .metadata.deletionTimestamp }}{{ .metadata.name }}\n{{ end }}{{ end }}"
      return (await kubectl.args(["get", "pods", "-l", "name=update-demo", "-o", `go-template=${template}`])) === ""
    })
  },
)

conformance("[sig-cli] Kubectl client Update Demo should scale a replication controller [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const kubectl = newKubectl(t, namespace)
  await kubectl("create -f -", manifest())
  await validate(t, kubectl, namespace, 2)
  for (const count of [1, 2]) {
    assert.match(await kubectl(`scale rc ${name} --replicas=${count} --timeout=2m`), /scaled/)
    await validate(t, kubectl, namespace, count)
  }
})
