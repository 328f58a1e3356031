import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { test } from "node:test"
import { sleepingPod } from "../../support/cluster.ts"
import type { Kubectl } from "./smoke.ts"

/** What goes both ways between the person and a container. */
export function streamTests(kubectl: Kubectl): void {
  const k = (line: string, options = {}) => kubectl().line(line, options)

  test("exec: output, exit code, input", async () => {
    assert.equal(await k("exec box -- echo hello"), "hello\n")
    const failed = await kubectl().try(["exec", "box", "-c", "main", "--", "sh", "-c", "echo bad >&2; exit 7"])
    assert.equal(failed.code, 7)
    assert.match(failed.stderr, /^bad\n/)
    const long = "0123456789abcdef".repeat(20_000)
    assert.equal(await k("exec -i box -- wc -c", { input: long }), `${long.length}\n`)
    assert.match(await k("exec deployment/web -- hostname"), /^web-/)
    assert.match(await kubectl().fails("exec box -- nothing-there"), /executable file not found|no such file/)
  })

  test("run: attached with input, its output and its end", async () => {
    const line = "run once -i --rm --restart=Never --image=busybox --image-pull-policy=IfNotPresent -- cat"
    assert.match(await k(line, { input: "piped\n" }), /piped/)
    assert.equal(await k("get pod once --ignore-not-found"), "")
    assert.match(await k("run dry --image=busybox --dry-run=client -o yaml"), /kind: Pod[\s\S]*image: busybox/)
  })

  test("attach: what it says, and what it is told", async () => {
    const command = ["sh", "-c", 'while read word; do echo "heard $word"; done']
    const pod = sleepingPod(kubectl().namespace, "listener", {}, { command, stdin: true })
    await k("apply -f -", { input: JSON.stringify(pod) })
    await k("wait --for=condition=Ready pod/listener --timeout=60s")
    await kubectl().during("attach -i listener", async (said, child) => {
      // kubectl says that it has begun, but in words that differ between versions: the word is said until it is heard.
      await kubectl().cluster.until("an answer", async () => {
        child.stdin?.write("this\n")
        return said().includes("heard this")
      })
    })
    await k("delete pod listener --now")
  })

  test("cp there and back keeps the bytes", async () => {
    const text = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join("")
    const from = kubectl().file("copied.txt", text)
    kubectl().file("tree/a/one.txt", "one")
    await k(`cp ${from} box:/tmp/copied.txt`)
    await k(`cp box:/tmp/copied.txt ${from}.back`)
    assert.equal(readFileSync(`${from}.back`, "utf8"), text)
    await k(`cp ${join(kubectl().directory, "tree")} box:/tmp/tree`)
    assert.equal(await k("exec box -- cat /tmp/tree/a/one.txt"), "one")
  })

  test("port-forward to a pod, a deployment and a service", async () => {
    for (const target of ["deployment/web :8080", "service/web :80"]) {
      await kubectl().during(`port-forward ${target}`, async (said) => {
        const [, port] = await kubectl().hears(said, /127\.0\.0\.1:(\d+)/)
        for (let i = 0; i < 3; i++) {
          assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /^web-/)
        }
      })
    }
  })

  test("proxy serves the API on a port and on a socket", async () => {
    await kubectl().during("proxy --port=0", async (said) => {
      const [, port] = await kubectl().hears(said, /127\.0\.0\.1:(\d+)/)
      const answer = (await (await fetch(`http://127.0.0.1:${port}/api/`)).json()) as { versions: string[] }
      assert.deepEqual(answer.versions, ["v1"])
    })
    const socketPath = join(kubectl().directory, "proxy.sock")
    await kubectl().during(`proxy --unix-socket=${socketPath}`, async (said) => {
      await kubectl().hears(said, /Starting to serve on/)
      const body = await new Promise<string>((resolve, reject) => {
        const asked = request({ socketPath, path: "/version" }, (response) => {
          response.setEncoding("utf8")
          let text = ""
          response.on("data", (chunk: string) => {
            text += chunk
          })
          response.on("end", () => resolve(text))
        })
        asked.on("error", reject)
        asked.end()
      })
      assert.equal(JSON.parse(body).minor, "36")
    })
  })

  test("debug adds a container to a running pod", async () => {
    await k("debug box --image=busybox --image-pull-policy=IfNotPresent -c helper --target=main -- sh -c exit\t0")
    await kubectl().cluster.until("the helper to have run", async () => {
      return (await k("get pod box -o jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.reason}")) !== ""
    })
  })
}
