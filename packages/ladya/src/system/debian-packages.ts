import { existsSync, readFileSync } from "node:fs"
import { LadyaError } from "../errors.ts"
import { findStaticBusybox } from "../images/builtin.ts"
import { run } from "../system/exec.ts"
import { detectHost } from "../system/host.ts"

interface Need {
  /** What is missing, as a person would say it. */
  what: string
  package: string
  isThere: () => boolean | Promise<boolean>
}

const searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

/** The path of a program, where services look for them. */
export function findProgram(name: string): string | undefined {
  return searchPath.map((directory) => `${directory}/${name}`).find((path) => existsSync(path))
}

const program = (name: string, packageName: string): Need => ({
  what: name,
  package: packageName,
  isThere: () => findProgram(name) !== undefined,
})

/** Everything a node needs of the machine. Looked for as programs: they may come from elsewhere than Debian's packages. */
const needs: readonly Need[] = [
  program("containerd", "containerd"),
  program("runc", "runc"),
  program("crun", "crun"),
  program("nft", "nftables"),
  program("ip", "iproute2"),
  // The port mapping of CNI's portmap plugin is written by it.
  program("iptables", "iptables"),
  // Ends UDP flows to endpoints that are gone.
  program("conntrack", "conntrack"),
  program("mount", "mount"),
  program("unshare", "util-linux"),
  { what: "CNI plugins", package: "containernetworking-plugins", isThere: () => !!detectHost().cniBinDirectory },
  { what: "a static busybox", package: "busybox-static", isThere: async () => !!(await findStaticBusybox()) },
  {
    what: "modprobe",
    package: "kmod",
    isThere: () => !detectHost().hasModules || findProgram("modprobe") !== undefined,
  },
]

/** What only Ladya's own tests use. */
export const testPackages: readonly { program: string; package: string }[] = [
  { program: "etcd", package: "etcd-server" },
]

export interface InstallOptions {
  /** More packages than a node needs, by their names in Debian and a program of each. */
  extra?: readonly { program: string; package: string }[]
  onOutput?: (line: string) => void
}

/** Debian packages that this machine lacks. */
export async function missingPackages(options: InstallOptions = {}): Promise<string[]> {
  const all = [...needs, ...(options.extra ?? []).map((extra) => program(extra.program, extra.package))]
  const missing: string[] = []
  for (const need of all) if (!(await need.isThere())) missing.push(need.package)
  return missing
}

/** Installs what is missing when it can; otherwise throws with the command to run. Gives the packages that were installed. */
export async function ensurePackages(options: InstallOptions = {}): Promise<string[]> {
  const missing = await missingPackages(options)
  if (missing.length === 0) return []
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`
  if (findProgram("apt-get") === undefined) {
    throw new LadyaError(`this machine lacks what these Debian packages hold: ${missing.join(" ")}`, {
      hint: "install the same programs with your distribution's own packages",
    })
  }
  if (process.getuid?.() !== 0) {
    throw new LadyaError(`this machine lacks ${missing.join(", ")}`, { hint: `run: sudo ${command}` })
  }
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  const apt = (args: readonly string[]) =>
    run("apt-get", args, {
      env: environment,
      onOutput: (chunk) => {
        for (const line of chunk.split("\n")) if (line.trim() !== "") options.onOutput?.(line.trim())
      },
    })
  const install = ["install", "-y", "-q", "--no-install-recommends", ...missing]
  let result = await apt(install)
  if (result.code !== 0) {
    // The usual cause is a package list that is missing or old.
    await apt(["update", "-q"])
    result = await apt(install)
  }
  const still = await missingPackages(options)
  if (result.code !== 0 || still.length > 0) {
    throw new LadyaError(
      `cannot install ${(still.length > 0 ? still : missing).join(", ")}: ${result.stderr.trim().split("\n").slice(-4).join("\n")}`,
      { step: "install Debian packages", hint: `run it by hand and see: apt-get update && ${command}` },
    )
  }
  return missing
}

/** Kernel modules that are not built in are loaded; a kernel without modules has what it has. */
export async function loadModules(): Promise<void> {
  const modprobe = findProgram("modprobe")
  if (!detectHost().hasModules || modprobe === undefined) return
  const loaded = readFileSync("/proc/modules", "utf8")
  const wanted = ["overlay", "br_netfilter", "nf_tables", "vxlan", "veth"].filter(
    (name) => !new RegExp(`^${name} `, "m").test(loaded),
  )
  // One that is built in cannot be loaded and need not be.
  if (wanted.length > 0) await run(modprobe, ["-a", "-q", ...wanted])
}
