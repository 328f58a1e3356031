import { homedir } from "node:os"
import { join } from "node:path"
import { LadyaError } from "../errors.ts"

/** Where a cluster keeps what. */
export interface ClusterPaths {
  name: string
  directory: string
  /** cluster.json: its number, nodes and processes. */
  state: string
  lock: string
  server: string
  adminKubeconfig: string
  images: string
  certs: string
  logs: string
  serverLog: string
  debCache: string
  node(name: string): { directory: string; kubeconfig: string; agentLog: string; containerdLog: string }
}

/** The directory that clusters are kept below: LADYA_HOME, or /var/lib/ladya for root. */
export function ladyaHome(environment: NodeJS.ProcessEnv = process.env): string {
  const told = environment["LADYA_HOME"]
  if (told) {
    if (!told.startsWith("/")) throw new LadyaError(`LADYA_HOME must be an absolute path, not ${told}`, { exitCode: 2 })
    if (told === "/run" || told.startsWith("/run/")) {
      throw new LadyaError("LADYA_HOME cannot be below /run: nodes have a /run of their own", { exitCode: 2 })
    }
    return told
  }
  return process.getuid?.() === 0 ? "/var/lib/ladya" : join(homedir(), ".local/share/ladya")
}

/** What is thrown when a cluster is asked for that is not there. */
export function noCluster({ name, directory }: ClusterPaths): LadyaError {
  const command = name === "ladya" ? "ladya up" : `ladya up --name ${name}`
  const isRoot = process.getuid?.() === 0 || process.env["LADYA_HOME"]
  return new LadyaError(`there is no cluster "${name}" (no ${directory})`, {
    hint: isRoot ? `start it: ${command}` : "clusters are started by root, and are root's: try the same with sudo",
  })
}

const namePattern = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/

export function clusterPaths(name: string, home = ladyaHome()): ClusterPaths {
  if (!namePattern.test(name)) {
    throw new LadyaError(`"${name}" cannot name a cluster`, {
      hint: "use lower-case letters, digits and hyphens, at most 32",
      exitCode: 2,
    })
  }
  const directory = join(home, name)
  const logs = join(directory, "logs")
  return {
    name,
    directory,
    state: join(directory, "cluster.json"),
    lock: join(home, `.${name}.lock`),
    server: join(directory, "server"),
    adminKubeconfig: join(directory, "server/admin.kubeconfig"),
    images: join(directory, "images"),
    certs: join(directory, "certs.d"),
    logs,
    serverLog: join(logs, "server.log"),
    debCache: join(home, ".debs"),
    node: (node) => ({
      directory: join(directory, "nodes", node),
      kubeconfig: join(directory, "nodes", node, "kubeconfig"),
      agentLog: join(logs, `${node}.agent.log`),
      containerdLog: join(logs, `${node}.containerd.log`),
    }),
  }
}
