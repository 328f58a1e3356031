import type { ExtenderConfig } from "../configuration/configuration.ts"

const maxAnswer = 64 * 1024 * 1024

/** Posts JSON and reads JSON. Throws an Error that names the address. */
export async function post(
  url: string,
  body: object,
  { tls, timeoutMs }: Pick<ExtenderConfig, "tls" | "timeoutMs">,
  signal: AbortSignal,
): Promise<unknown> {
  const isTls = url.startsWith("https:")
  // Loaded when it is needed: few have extenders.
  const { request } = isTls ? await import("node:https") : await import("node:http")
  const payload = JSON.stringify(body)
  const secure = {
    rejectUnauthorized: !tls.insecure,
    ...(tls.serverName ? { servername: tls.serverName } : {}),
    ...(tls.ca ? { ca: tls.ca } : {}),
    ...(tls.cert ? { cert: tls.cert } : {}),
    ...(tls.key ? { key: tls.key } : {}),
  }
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`failed ${url}: ${why}`))
    const outgoing = request(url, { method: "POST", headers, timeout: timeoutMs, signal, ...(isTls ? secure : {}) })
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    outgoing.on("error", (error) => fail(error.message))
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on("data", (chunk: Buffer) => {
        size += chunk.length
        if (size > maxAnswer) outgoing.destroy(new Error("the answer is too large"))
        else chunks.push(chunk)
      })
      response.on("error", (error) => fail(error.message))
      response.on("end", () => {
        if (response.statusCode !== 200) return fail(`got HTTP ${response.statusCode}`)
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")))
        } catch {
          fail("the answer is not JSON")
        }
      })
    })
    outgoing.end(payload)
  })
}
