import assert from "node:assert/strict"
import { X509Certificate } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, test } from "node:test"
import { connect, createServer } from "node:tls"
import { FakeClock, silentLogger, systemClock } from "@ladya/util"
import { parse } from "yaml"
import { newKubeconfig } from "./kubeconfig.ts"
import { ensurePki, type Pki, type PkiOptions } from "./pki.ts"

const root = mkdtempSync(join(tmpdir(), "ladya-pki-"))
after(() => rmSync(root, { recursive: true, force: true }))
let count = 0
const newDirectory = (): string => join(root, String(count++), "pki")
// TLS uses the real time.
const realNow = systemClock.now()
const ensure = (directory: string, options: Partial<PkiOptions> = {}): Promise<Pki> =>
  ensurePki(directory, { clock: new FakeClock(realNow), log: silentLogger, ...options })

const contents = (directory: string): Record<string, string> =>
  Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), "utf8")]))

const changed = (before: Record<string, string>, now: Record<string, string>): string[] =>
  Object.keys(now)
    .filter((name) => before[name] !== now[name])
    .sort()

test("makes every file for its owner alone, and loads the same again", async () => {
  const directory = newDirectory()
  await ensure(directory)
  const before = contents(directory)
  assert.deepEqual(Object.keys(before).sort(), [
    "admin.crt",
    "admin.key",
    "apiserver-kubelet-client.crt",
    "apiserver-kubelet-client.key",
    "apiserver.crt",
    "apiserver.key",
    "ca.crt",
    "ca.key",
    "front-proxy-ca.crt",
    "front-proxy-ca.key",
    "front-proxy-client.crt",
    "front-proxy-client.key",
    "sa.key",
    "sa.pub",
  ])
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  for (const name of Object.keys(before)) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name)
  await ensure(directory)
  assert.deepEqual(changed(before, contents(directory)), [])
})

test("subjects and names are what the parts agreed on", async () => {
  const pki = await ensure(newDirectory(), {
    serverNames: ["ladya.example"],
    serverAddresses: ["172.30.0.1", "fd00::1"],
  })
  const serving = new X509Certificate(pki.serving.certificate)
  for (const name of ["kubernetes", "kubernetes.default.svc.cluster.local", "localhost", "ladya.example"]) {
    assert.ok(serving.checkHost(name), name)
  }
  for (const address of ["10.96.0.1", "127.0.0.1", "172.30.0.1", "fd00::1"])
    assert.ok(serving.checkIP(address), address)
  assert.match(new X509Certificate(pki.admin.certificate).subject, /O=system:masters\nCN=kubernetes-admin/)
  assert.match(new X509Certificate(pki.kubeletClient.certificate).subject, /CN=kube-apiserver-kubelet-client/)
})

test("the serving certificate alone is made anew when addresses change, and all leaves before they expire", async () => {
  const directory = newDirectory()
  await ensure(directory, { serverAddresses: ["192.0.2.1", "fd00::1"] })
  let before = contents(directory)
  await ensure(directory, { serverAddresses: ["192.0.2.1", "fd00::1"] })
  assert.deepEqual(changed(before, contents(directory)), [])
  await ensure(directory, { serverAddresses: ["192.0.2.2"] })
  assert.deepEqual(changed(before, contents(directory)), ["apiserver.crt", "apiserver.key"])
  before = contents(directory)
  await ensure(directory, { serverAddresses: ["192.0.2.2"], clock: new FakeClock(realNow + 340 * 24 * 3600 * 1000) })
  assert.deepEqual(
    changed(before, contents(directory)).filter((name) => name.endsWith(".crt")),
    ["admin.crt", "apiserver-kubelet-client.crt", "apiserver.crt", "front-proxy-client.crt"],
  )
})

test("a damaged authority is reported with what to do, a damaged leaf is made anew", async () => {
  const directory = newDirectory()
  await ensure(directory)
  writeFileSync(join(directory, "admin.key"), "rubbish")
  rmSync(join(directory, "apiserver.key"))
  const pki = await ensure(directory)
  assert.match(pki.admin.key, /BEGIN PRIVATE KEY/)
  writeFileSync(join(directory, "ca.crt"), "rubbish")
  await assert.rejects(ensure(directory), /ca.crt or .key cannot be used .*restore them from a backup/)
  rmSync(join(directory, "ca.crt"))
  await assert.rejects(ensure(directory), /ca.key is there, but ca.crt is missing: restore it/)
})

test("issued certificates are accepted by TLS, with their subject", async () => {
  const pki = await ensure(newDirectory())
  const names = ['odd "name", O=system:masters', "system:nodes"]
  const client = await pki.issueClientCertificate({ commonName: "system:node:a", organizations: names })
  const serving = await pki.issueServingCertificate({
    commonName: "a",
    dnsNames: ["node-a"],
    ipAddresses: ["127.0.0.1"],
  })
  const subject = Promise.withResolvers<{ authorized: boolean; subject: unknown }>()
  const server = createServer(
    {
      cert: serving.certificate,
      key: serving.key,
      ca: pki.caCertificate,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (socket) => {
      subject.resolve({ authorized: socket.authorized, subject: socket.getPeerCertificate().subject })
      socket.end()
    },
  )
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  assert.ok(address && typeof address === "object")
  const { certificate: cert, key } = client
  const socket = connect({ host: "127.0.0.1", port: address.port, ca: pki.caCertificate, cert, key })
  try {
    const seen = await subject.promise
    assert.ok(seen.authorized)
    assert.deepEqual({ ...(seen.subject as object) }, { O: names, CN: "system:node:a" })
  } finally {
    socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

test("a kubeconfig holds all it needs", async () => {
  const pki = await ensure(newDirectory())
  const text = newKubeconfig({
    clusterName: "ladya",
    server: "https://127.0.0.1:6443",
    caCertificate: pki.caCertificate,
    userName: "ladya-admin",
    credentials: pki.admin,
  })
  const config = parse(text)
  assert.equal(config["current-context"], "ladya")
  assert.equal(config.clusters[0].cluster.server, "https://127.0.0.1:6443")
  const decoded = Buffer.from(config.users[0].user["client-certificate-data"], "base64").toString()
  assert.equal(decoded, pki.admin.certificate)
})
