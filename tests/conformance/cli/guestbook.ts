import { conformance } from "../support/registry.ts"
import { newKubectl, readyPods } from "./kubectl.ts"

const names = { frontend: "frontend", primary: "agnhost-primary", replica: "agnhost-replica" }

conformance(
  "[sig-cli] Kubectl client Guestbook application should create and stop a working application [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const kubectl = newKubectl(t, namespace)
    const image = await t.image()
    const part = (name: string, labels: Record<string, string>, replicas: number, options: string[]): object[] => [
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: {
              terminationGracePeriodSeconds: 1,
              containers: [
                {
                  name: "main",
                  image,
                  imagePullPolicy: "IfNotPresent",
                  args: ["guestbook", "--http-port=80", ...options],
                  ports: [{ containerPort: 80 }],
                  readinessProbe: { httpGet: { path: "/healthz", port: 80 }, periodSeconds: 1 },
                },
              ],
            },
          },
        },
      },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, labels },
        spec: { selector: labels, ports: [{ port: 80 }] },
      },
    ]
    const frontendLabels = { app: "guestbook", tier: "frontend" }
    const items = [
      ...part(names.replica, { app: "agnhost", role: "replica" }, 2, [`--replica-of=${names.primary}:80`]),
      ...part(names.frontend, frontendLabels, 3, [`--backends=${names.primary}:80,${names.replica}:80`]),
      ...part(names.primary, { app: "agnhost", role: "primary" }, 1, []),
    ]
    for (const item of items) await kubectl("create -f -", item)
    await readyPods(t, namespace, frontendLabels, 3)

    const ask = async (query: string): Promise<string> => {
      const path = `/api/v1/namespaces/${namespace}/services/${names.frontend}/proxy/guestbook?${query}`
      const answer = await t.http("GET", path)
      if (answer.status !== 200) throw new Error(`${query}: ${answer.status} ${answer.text}`)
      return answer.text
    }
    await t.until("the empty book", async () => (await ask("cmd=get&key=messages")) === '{"data":""}')
    await t.until("an entry to be written", async () => {
      return (await ask("cmd=set&key=messages&value=TestEntry")) === '{"message":"Updated"}'
    })
    await t.until("the entry to be read", async () => (await ask("cmd=get&key=messages")) === '{"data":"TestEntry"}')
    for (const item of items) await kubectl("delete --grace-period=0 --force -f -", item)
    await t.until("all to go", async () => (await kubectl("get deployments,services,pods -o name")) === "")
  },
  { timeoutMs: 240_000 },
)
