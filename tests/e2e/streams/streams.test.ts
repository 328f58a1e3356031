import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { newDeferred } from "@ladya/util"
import { busyboxPod, isTrue, startTestNode, statusOf, type TestNode } from "../support/node.ts"

let node: TestNode
/** Whatever still runs when a test has failed. */
const children = new Set<ChildProcess>()

before(async () => {
  node = await startTestNode("streams")
  await node.run(busyboxPod("shell"))
  await node.until("shell", "to be ready", (pod) => isTrue(pod, "Ready"))
})
after(async () => {
  for (const child of children) child.kill("SIGKILL")
  await node?.stop()
})

const script = (text: string): { command: string[] } => ({ command: ["sh", "-c", text] })
const text = async (...args: string[]): Promise<string> => (await node.kubectl(args)).stdout.toString()
const md5 = (data: Buffer): string => createHash("md5").update(data).digest("hex")

/** kubectl running on: what it has said, and how it ended. */
function background(args: readonly string[]) {
  const child = spawn("kubectl", ["--kubeconfig", node.kubeconfig, ...args], { stdio: ["pipe", "pipe", "pipe"] })
  children.add(child)
  child.once("close", () => children.delete(child))
  let said = ""
  let wanted: { text: string; resolve: () => void } | undefined
  const hear = (chunk: Buffer): void => {
    said += chunk
    if (wanted && said.includes(wanted.text)) wanted.resolve()
  }
  child.stdout.on("data", hear)
  child.stderr.on("data", hear)
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
  return {
    child,
    ended,
    said: () => said,
    async hears(what: string): Promise<void> {
      const deferred = newDeferred<void>()
      wanted = { text: what, resolve: () => deferred.resolve() }
      if (said.includes(what)) return
      const gone = ended.then(() => {
        if (!said.includes(what)) throw new Error(`kubectl ended without ${JSON.stringify(what)}: ${said}`)
      })
      await Promise.race([deferred.promise, gone])
    },
  }
}

test("exec gives output, error output and the exit code", async () => {
  assert.equal(await text("exec", "shell", "--", "echo", "hello world"), "hello world\n")
  const failed = await node.kubectl(["exec", "shell", "--", "sh", "-c", "echo bad >&2; exit 3"], { code: 3 })
  assert.match(failed.stderr, /^bad\n/)
})

test("exec passes input on whole, and large output", async () => {
  const data = randomBytes(300_000)
  const { stdout } = await node.kubectl(["exec", "-i", "shell", "--", "md5sum"], { input: data })
  assert.equal(stdout.toString(), `${md5(data)}  -\n`)
  const large = await node.kubectl(["exec", "shell", "--", "head", "-c", "20000000", "/dev/zero"])
  assert.equal(large.stdout.length, 20_000_000)
})

test("exec with a terminal", async () => {
  const shell = spawn("script", ["-qec", `kubectl --kubeconfig ${node.kubeconfig} exec -it shell -- sh`, "/dev/null"], {
    stdio: ["pipe", "pipe", "pipe"],
  })
  children.add(shell)
  let said = ""
  let asked = false
  shell.stdout.on("data", (chunk: Buffer) => {
    said += chunk
    if (asked || !said.includes("# ")) return
    asked = true
    shell.stdin.write("tty; exit 4\n")
  })
  const code = await new Promise((resolve) => shell.once("close", resolve))
  assert.match(said, /\/dev\/pts\/0/)
  assert.equal(code, 4)
})

test("exec into what is not there is refused in words", async () => {
  const failed = await node.kubectl(["exec", "shell", "-c", "no", "--", "true"], { code: 1 })
  assert.match(failed.stderr, /container no is not valid for pod shell|container not found/)
})

test("cp goes both ways", async () => {
  const data = randomBytes(1_000_000)
  const from = join(node.home, "from")
  const to = join(node.home, "to")
  await writeFile(from, data)
  await node.kubectl(["cp", from, "shell:/tmp/copied"])
  await node.kubectl(["cp", "shell:/tmp/copied", to])
  assert.equal(md5(await readFile(to)), md5(data))
})

test("logs: all, the tail, with times, from a time on, of the instance before", async () => {
  await node.run(busyboxPod("talker", script("echo one; echo two; sleep 0.2; echo three >&2; sleep 100000")))
  await node.until("talker", "to be ready", (pod) => isTrue(pod, "Ready"))
  const follower = background(["logs", "-f", "talker"])
  await follower.hears("three\n")
  follower.child.kill()
  await follower.ended
  assert.equal(await text("logs", "talker"), "one\ntwo\nthree\n")
  assert.equal(await text("logs", "talker", "--tail=1"), "three\n")
  assert.match(await text("logs", "talker", "--timestamps", "--tail=1"), /^\d{4}-\d\d-\d\dT\S+Z three\n$/)
  assert.equal(await text("logs", "talker", "--since-time=2100-01-01T00:00:00Z"), "")
  assert.equal(await text("logs", "talker", "--since=1h"), "one\ntwo\nthree\n")
  assert.equal(await text("logs", "talker", "--limit-bytes=5"), "one\nt")
  const failed = await node.kubectl(["logs", "talker", "--previous"], { code: 1 })
  assert.match(failed.stderr, /previous terminated container "main" in pod "talker" not found/)

  await node.run(busyboxPod("again", script("echo life $(date +%s); sleep 0.2; exit 1"), { restartPolicy: "Always" }))
  await node.until("again", "to restart", (pod) => (statusOf(pod)?.restartCount ?? 0) > 0)
  assert.match(await text("logs", "again", "--previous"), /^life \d+\n$/)
})

test("logs -f shows lines as they come and ends with the container", async () => {
  await node.run(
    busyboxPod("teller", script("echo first; until [ -e /go ]; do sleep 0.05; done; echo last"), {
      restartPolicy: "Never",
    }),
  )
  await node.until("teller", "to be ready", (pod) => isTrue(pod, "Ready"))
  const follower = background(["logs", "-f", "teller"])
  await follower.hears("first\n")
  await node.kubectl(["exec", "teller", "--", "touch", "/go"])
  assert.equal(await follower.ended, 0)
  assert.equal(follower.said(), "first\nlast\n")
})

test("logs of a pod whose image cannot be had say so", async () => {
  await node.run(busyboxPod("imageless", { image: "registry.local/no:1" }))
  await node.until("imageless", "to fail", (pod) => /Image/.test(statusOf(pod)?.state?.waiting?.reason ?? ""))
  const failed = await node.kubectl(["logs", "imageless"], { code: 1 })
  assert.match(
    failed.stderr,
    /container "main" in pod "imageless" is waiting to start: trying and failing to pull image/,
  )
})

test("attach sees what the container says and gives it input", async () => {
  await node.run(
    busyboxPod("listener", { ...script("while read line; do echo heard $line; done"), stdin: true, stdinOnce: true }),
  )
  await node.until("listener", "to be ready", (pod) => isTrue(pod, "Ready"))
  const attached = background(["attach", "-i", "listener"])
  attached.child.stdin.write("hello\n")
  await attached.hears("heard hello\n")
  attached.child.stdin.end("bye\n")
  await attached.hears("heard bye\n")
  assert.equal(await attached.ended, 0)
})

test("port-forward carries a connection to the pod", async () => {
  const serve = "mkdir /www; echo pong >/www/ping; exec httpd -f -p 8080 -h /www"
  const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1, timeoutSeconds: 20 }
  await node.run(busyboxPod("port", { ...script(serve), readinessProbe }))
  await node.until("port", "to be ready", (pod) => isTrue(pod, "Ready"))
  const forward = background(["port-forward", "pod/port", ":8080"])
  await forward.hears("Forwarding from 127.0.0.1:")
  const port = Number(/127\.0\.0\.1:(\d+) ->/.exec(forward.said())?.[1])
  const answers: string[] = []
  for (let i = 0; i < 2; i++) {
    const socket = connect(port, "127.0.0.1")
    socket.write("GET /ping HTTP/1.0\r\n\r\n")
    let answer = ""
    for await (const chunk of socket) answer += chunk
    answers.push(answer.split("\r\n\r\n")[1] ?? answer)
  }
  forward.child.kill()
  await forward.ended
  assert.deepEqual(answers, ["pong\n", "pong\n"])
})
