import assert from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { conformance } from "../support/registry.ts"
import { startKubectl } from "./kubectl.ts"

/** Whether `/api/` through there names at least one version. */
function versions(where: { port?: number; socketPath?: string }): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", path: "/api/", ...where }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        text += chunk
      })
      response.on("end", () => resolve((JSON.parse(text) as { versions: string[] }).versions))
    })
    asked.on("error", reject)
    asked.end()
  })
}

conformance("[sig-cli] Kubectl client Proxy server should support proxy with --port 0 [Conformance]", async (t) => {
  const said = startKubectl(t, ["proxy", "-p", "0", "--disable-filter"])
  const [, port] = await t.until("the port", () => /Starting to serve on 127\.0\.0\.1:(\d+)/.exec(said()))
  assert.ok((await versions({ port: Number(port) })).length > 0)
})

conformance("[sig-cli] Kubectl client Proxy server should support --unix-socket=/path [Conformance]", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "ladya-proxy-"))
  t.defer(async () => rmSync(directory, { recursive: true, force: true }))
  const socketPath = join(directory, "test")
  const said = startKubectl(t, ["proxy", `--unix-socket=${socketPath}`])
  await t.until("the socket", () => said().includes(`Starting to serve on ${socketPath}`))
  assert.ok((await versions({ socketPath })).length > 0)
})
