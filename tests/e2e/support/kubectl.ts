import { spawn } from "node:child_process"

export interface KubectlResult {
  stdout: Buffer
  stderr: string
  code: number | null
}

/** A kubeconfig with everything in it. */
export function kubeconfigText(access: {
  server: string
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  tlsServerName?: string
}): string {
  const base64 = (pem: string | Buffer | undefined): string => Buffer.from(pem ?? "").toString("base64")
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "test",
        cluster: {
          server: access.server,
          "certificate-authority-data": base64(access.ca),
          ...(access.tlsServerName ? { "tls-server-name": access.tlsServerName } : {}),
        },
      },
    ],
    users: [
      {
        name: "admin",
        user: { "client-certificate-data": base64(access.cert), "client-key-data": base64(access.key) },
      },
    ],
    contexts: [{ name: "test", context: { cluster: "test", user: "admin", namespace: "default" } }],
    "current-context": "test",
  })
}

/** Runs kubectl to its end. Rejects when its exit code is not the expected one (0 unless told). */
export function runKubectl(
  args: readonly string[],
  options: { input?: string | Buffer; code?: number } = {},
): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("kubectl", [...args], { stdio: ["pipe", "pipe", "pipe"], timeout: 60_000 })
    const stdout: Buffer[] = []
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk
    })
    child.stdin.on("error", () => undefined)
    child.stdin.end(options.input ?? "")
    child.on("error", reject)
    child.on("close", (code) => {
      const result = { stdout: Buffer.concat(stdout), stderr, code }
      if (code === (options.code ?? 0)) resolve(result)
      else reject(new Error(`kubectl ${args.slice(2).join(" ")}: exit code ${code}: ${stderr}${result.stdout}`))
    })
  })
}
