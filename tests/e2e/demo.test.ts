import assert from "node:assert/strict"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import { after, test } from "node:test"
import { systemClock, waitFor } from "@ladya/util"
import { Cluster, runProgram } from "./support/cluster.ts"

const cluster = new Cluster("demo")
const environment = { LADYA_HOME: join(cluster.directory, "home") }
const ladya = (...args: string[]) => cluster.ladya(args, { env: environment, timeoutMs: 800_000 })
const kubectl = (...args: string[]) => runProgram("kubectl", ["-n", "guestbook", ...args], { env: cluster.environment })

after(async () => {
  await ladya("down", "--purge", "--name", "demo")
  rmSync(cluster.directory, { recursive: true, force: true })
})

async function succeed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await kubectl(...args)
  assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`)
  return stdout
}

test("the demo ends with an application that answers at the address it prints", async () => {
  const { code, stdout, stderr } = await ladya("demo", "--name", "demo")
  assert.equal(code, 0, stderr)
  const address = /answers at (http:\/\/\S+)/.exec(stdout)?.[1] ?? ""
  assert.equal(stdout.match(/^ {2}kubectl /gm)?.length, 3, stdout)
  const page = await (await fetch(address)).text()
  assert.match(page, /<h1>Guestbook on Ladya<\/h1>/)
  assert.match(page, /<li>hello /)
})

test("the guestbook is rolled out to a new version and back without an error being seen", async () => {
  const node = "node_modules/.bin/node:/usr/bin/node"
  const source = "examples/guestbook/frontend:/app"
  const made = await ladya(
    ...["image", "make", "--name", "demo", "ladya/guestbook:v2", "--env", "VERSION=v2"],
    ...["--copy", node, "--copy", source, "--", "node", "/app/server.ts"],
  )
  assert.equal(made.code, 0, made.stderr)
  const addresses = (
    await succeed("get", "nodes", "-o", "jsonpath={.items[*].status.addresses[?(@.type=='InternalIP')].address}")
  ).split(" ")
  const versions: string[] = []
  const failures: string[] = []
  let isOver = false
  const caller = (async () => {
    for (let call = 0; !isOver; call++) {
      const url = `http://${addresses[call % addresses.length]}:30080/api/messages`
      try {
        const answer = await fetch(url, { signal: AbortSignal.timeout(30_000), headers: { connection: "close" } })
        if (answer.status !== 200) failures.push(`${answer.status} ${await answer.text()}`)
        else versions.push(((await answer.json()) as { version: string }).version)
      } catch (error) {
        failures.push(String(error))
      }
    }
  })()
  await succeed("set", "image", "deployment/guestbook", "frontend=docker.io/ladya/guestbook:v2")
  await succeed("rollout", "status", "deployment/guestbook", "--timeout=180s")
  // The last old pod may still answer while it ends: nodes hear of its end a moment later.
  await waitFor(systemClock, () => versions.length > 0 && versions.slice(-20).every((version) => version === "v2"), {
    description: "answers of the new version alone",
    timeoutMs: 60_000,
  }).finally(() => {
    isOver = true
  })
  await caller
  assert.deepEqual(failures, [])
  assert.ok(
    versions.includes("v1") && versions.at(-1) === "v2",
    `${versions.length} calls, the last ${versions.at(-1)}`,
  )
  await succeed("rollout", "undo", "deployment/guestbook")
  await succeed("rollout", "status", "deployment/guestbook", "--timeout=180s")
})

test("an image that nobody has is named, and the old pods go on", async () => {
  await succeed("set", "image", "deployment/guestbook", "frontend=docker.io/ladya/guestbook:v3")
  await succeed("wait", "--for=jsonpath={.status.unavailableReplicas}=1", "deployment/guestbook", "--timeout=180s")
  assert.match(await succeed("get", "deployment", "guestbook", "-o", "jsonpath={.status.availableReplicas}"), /^3$/)
  await succeed("rollout", "undo", "deployment/guestbook")
})

test("images from archives are loaded and run", async () => {
  const directory = cluster.directory
  const layout = join(environment.LADYA_HOME, "demo/images")
  assert.ok(existsSync(join(layout, "index.json")))
  const archive = join(directory, "all.tar")
  const packed = await runProgram("tar", ["-C", layout, "-cf", archive, "oci-layout", "index.json", "blobs"])
  assert.equal(packed.code, 0, packed.stderr)
  const loaded = await ladya("image", "load", "--name", "demo", archive)
  assert.equal(loaded.code, 0, loaded.stderr)
  assert.match(loaded.stdout, /docker\.io\/ladya\/redis:v1/)
  const listed = await ladya("image", "ls", "--name", "demo", "-o", "json")
  const images = JSON.parse(listed.stdout) as { name: string }[]
  assert.ok(images.some(({ name }) => name === "docker.io/library/busybox:latest"))
})
