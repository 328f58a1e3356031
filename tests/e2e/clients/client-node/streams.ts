import assert from "node:assert/strict"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { type AddressInfo, connect, createServer } from "node:net"
import { join } from "node:path"
import { PassThrough, Readable, Writable } from "node:stream"
import { test } from "node:test"
import { Attach, CoreV1Api, Cp, Exec, Log, PortForward, type V1Status } from "@kubernetes/client-node"
import { sleepingPod } from "../../support/cluster.ts"
import type { Library } from "./index.ts"

/** Keeps what is written to it. */
class Sink extends Writable {
  text = ""
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

/** The library's WebSockets to containers. */
export function streamTests(library: () => Library): void {
  async function exec(command: string[], stdin: Readable | null = null, tty = false) {
    const { config, namespace } = library()
    const out = new Sink()
    const err = new Sink()
    const status = await new Promise<V1Status>((resolve, reject) => {
      new Exec(config).exec(namespace, "box", "main", command, out, tty ? null : err, stdin, tty, resolve).catch(reject)
    })
    return { out: out.text, err: err.text, status }
  }

  test("Exec: outputs, exit code, input, terminal", async () => {
    const both = await exec(["sh", "-c", "echo out; echo err >&2"])
    assert.deepEqual([both.out, both.err, both.status.status], ["out\n", "err\n", "Success"])
    const failed = await exec(["sh", "-c", "exit 7"])
    assert.equal(failed.status.reason, "NonZeroExitCode")
    assert.deepEqual(failed.status.details?.causes, [{ reason: "ExitCode", message: "7" }])
    // Input that ends: what reads it to its end goes on and answers.
    const words = "word\n".repeat(200_000)
    const counted = await exec(["sh", "-c", "wc -l; echo done"], Readable.from([words]))
    assert.equal(counted.out, "200000\ndone\n")
    assert.equal(counted.status.status, "Success")
    const back = await exec(["cat"], Readable.from([words]))
    assert.ok(back.out === words, `${back.out.length} characters came back`)
    assert.match((await exec(["tty"], new PassThrough(), true)).out, /\/dev\/pts\//)
  })

  test("Attach: what a container says and is told", async () => {
    const { config, namespace, cluster } = library()
    const command = ["sh", "-c", 'while read word; do echo "heard $word"; done']
    await cluster.apply(sleepingPod(namespace, "listener", {}, { command, stdin: true }))
    await cluster.k(`-n ${namespace} wait --for=condition=Ready pod/listener --timeout=60s`)
    const out = new Sink()
    const input = new PassThrough()
    const socket = await new Attach(config).attach(namespace, "listener", "main", out, new Sink(), input, false)
    try {
      input.write("this\n")
      await cluster.until("an answer", async () => out.text === "heard this\n")
    } finally {
      socket.close()
    }
  })

  test("PortForward: to a pod, a service and a deployment", async () => {
    const { config, namespace, cluster } = library()
    const forward = new PortForward(config)
    const pods = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace, labelSelector: "app=web" })
    const pod = pods.items[0]?.metadata?.name ?? ""
    const targets = {
      pod: (to: Writable, from: Readable) => forward.portForward(namespace, pod, [8080], to, null, from),
      service: (to: Writable, from: Readable) => forward.portForwardService(namespace, "web", [8080], to, null, from),
      deployment: (to: Writable, from: Readable) =>
        forward.portForwardDeployment(namespace, "web", [8080], to, null, from),
    }
    for (const [what, start] of Object.entries(targets)) {
      const server = createServer((socket) => void start(socket, socket))
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      try {
        let answer = ""
        const socket = connect((server.address() as AddressInfo).port, "127.0.0.1")
        socket.on("data", (chunk: Buffer) => {
          answer += chunk
        })
        socket.write("GET / HTTP/1.0\r\n\r\n")
        await cluster.until(`an answer through the ${what}`, async () => /200 OK[\s\S]*web-/.test(answer))
        socket.destroy()
      } finally {
        server.close()
      }
    }
  })

  test("Log: whole, followed, last lines, until the end", async () => {
    const { config, namespace, cluster } = library()
    const script = "for i in 1 2 3; do echo line $i; done; while :; do echo tick; sleep 0.2; done"
    await cluster.apply(sleepingPod(namespace, "talker", {}, { command: ["sh", "-c", script] }))
    await cluster.k(`-n ${namespace} wait --for=condition=Ready pod/talker --timeout=60s`)
    const log = new Log(config)
    const last = new Sink()
    await log.log(namespace, "talker", "main", last, { tailLines: 1, timestamps: true })
    await cluster.until("one line", async () => /^\d{4}-\d\d-\d\dT\S+ (tick|line 3)\n$/.test(last.text))
    const followed = new Sink()
    await log.log(namespace, "talker", "main", followed, { follow: true })
    await cluster.until("lines that come later", async () => /^line 1\nline 2\nline 3\n(tick\n){4}/.test(followed.text))
    await cluster.k(`-n ${namespace} delete pod talker --now`)
    await cluster.until("the end of the log", async () => followed.writableFinished)
  })

  test("Cp: there and back", async () => {
    const { config, namespace, cluster } = library()
    const from = join(cluster.directory, "cp-from")
    const back = join(cluster.directory, "cp-back")
    mkdirSync(from, { recursive: true })
    mkdirSync(back, { recursive: true })
    const content = "0123456789\n".repeat(10_000)
    writeFileSync(join(from, "file.txt"), content)
    const cp = new Cp(config)
    await exec(["mkdir", "-p", "/tmp/there"])
    await cp.cpToPod(namespace, "box", "main", from, "/tmp/there")
    await cluster.until("the file in the pod", async () => (await exec(["cat", "/tmp/there/file.txt"])).out === content)
    await cp.cpFromPod(namespace, "box", "main", "file.txt", back, "/tmp/there")
    await cluster.until("the file back", async () => readFileSync(join(back, "file.txt"), "utf8") === content)
  })
}
