import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { promisify } from "node:util"
import { kindByGvk, schemaSource } from "@ladya/api"
import { openProtobuf, parseApiVersion, readProtobuf, writeProtobuf } from "@ladya/apimachinery"
import { ensureClientPrograms, newestKubectl } from "../../clients/programs.ts"
import { makeNamespace, startTestServer } from "../../integration/harness.ts"
import { richObjects } from "./rich-objects.ts"
import { firstDifference } from "./same-message.ts"

const protobuf = "application/vnd.kubernetes.protobuf"

const commands = [
  "create configmap a --from-literal=x=y --from-literal=z=ü",
  "create secret generic s --from-literal=password=p --type=example.com/t",
  "create deployment d --image=busybox --image=nginx --replicas=2 --port=80",
  "create job j --image=busybox -- echo hello",
  "create cronjob c --image=busybox --schedule=@hourly -- date",
  "create ingress i --class=n --rule=example.com/a*=svc:http,tls=cert --annotation=a=b",
  "create namespace n",
  "create poddisruptionbudget p --selector=app=d --min-available=50%",
  "create priorityclass high --value=1000 --description=d --preemption-policy=Never",
  "create quota q --hard=pods=2 --scopes=BestEffort",
  "create role r --verb=get,list --resource=pods,deployments.apps --resource-name=x",
  "create clusterrole cr --verb=get --non-resource-url=/logs/*",
  "create rolebinding rb --role=r --user=u --group=g --serviceaccount=default:sa",
  "create clusterrolebinding crb --clusterrole=cr --group=g",
  "create service nodeport np --tcp=5678:8080 --node-port=30100",
  "create service externalname en --external-name=example.com",
  "create service clusterip headless --clusterip=None",
  "create serviceaccount sa",
]

test("kubectl's own protobuf is read and written back whole, and ours is read by kubectl", async (t) => {
  await ensureClientPrograms()
  /** Bodies as kubectl sent them, by path. */
  const bodies: { path: string; bytes: Buffer }[] = []
  let answered = 0
  const server = await startTestServer(t, {
    listen: true,
    config: {
      audit: (next) => async (request) => {
        if (request.headers["content-type"] === protobuf)
          bodies.push({ path: request.path, bytes: await request.body() })
        const answer = await next(request)
        if (typeof answer === "object" && answer.headers["Content-Type"] === protobuf) answered++
        return answer
      },
    },
  })
  await makeNamespace(server.client, "default")
  const directory = mkdtempSync(join(tmpdir(), "ladya-protobuf-"))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, "ca.crt"), server.pki.ca)
  const kubectl = async (command: string): Promise<string> => {
    const access = ["--server", server.url, "--certificate-authority", join(directory, "ca.crt"), "--token", "none"]
    const args = [...access, "--cache-dir", join(directory, "cache"), ...command.split(" ")]
    const { stdout } = await promisify(execFile)(newestKubectl, args, { timeout: 120_000 })
    return stdout
  }
  for (const command of commands) assert.match(await kubectl(command), / created\n$/, command)
  for (const what of ["deployment d", "service np", "ingress i", "quota q", "role r", "cronjob c", "secret s"]) {
    assert.match(await kubectl(`describe ${what}`), /^Name:/, what)
  }
  for (const { path, object, said } of richObjects) {
    const made = await server.http("POST", path, { body: object })
    assert.equal(made.status, 201, made.text)
    const text = await kubectl(`describe ${object.kind.toLowerCase()} rich`)
    for (const what of said) assert.match(text, what)
  }
  assert.ok(bodies.length >= commands.length, "kubectl sends JSON")
  assert.ok(answered > bodies.length, "kubectl asks for JSON")
  const [first, second] = bodies.map(({ bytes }) => openProtobuf(bytes).raw)
  assert.ok(first && second && firstDifference(first, second), "the comparison is blind")
  for (const { path, bytes } of bodies) {
    const { apiVersion, kind, raw } = openProtobuf(bytes)
    const type = kindByGvk({ ...parseApiVersion(apiVersion), kind })?.type ?? ""
    const value = readProtobuf(raw, type, schemaSource)
    assert.equal(
      firstDifference(raw, writeProtobuf(value, type, schemaSource)),
      undefined,
      `${path}: ${JSON.stringify(value)}`,
    )
  }
})
