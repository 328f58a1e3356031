import { readFile } from "node:fs/promises"
import { type ClusterAccess, type HttpsTransport, loadKubeconfig, newHttpsTransport } from "@ladya/client"
import { errorMessage, silentLogger, systemClock } from "@ladya/util"
import { LadyaError } from "../errors.ts"
import { contextName, type KubeconfigEntry, newKubeconfigText } from "./kubeconfig.ts"
import { type ClusterPaths, noCluster } from "./paths.ts"

/** The administrator's way into a cluster on this machine. */
export async function adminEntry(paths: ClusterPaths): Promise<KubeconfigEntry> {
  const access = await adminAccess(paths)
  const { ca, cert, key } = access
  if (ca === undefined || cert === undefined || key === undefined) {
    throw new LadyaError(`${paths.adminKubeconfig} has no embedded certificates`, { hint: "ladya up writes it anew" })
  }
  return { name: contextName(paths.name), server: access.server, caPem: ca, certPem: cert, keyPem: key }
}

/** A self-contained kubeconfig of the cluster, under its context's name. */
export async function adminKubeconfigText(paths: ClusterPaths): Promise<string> {
  return newKubeconfigText(await adminEntry(paths))
}

async function adminAccess(paths: ClusterPaths): Promise<ClusterAccess> {
  const text = await readFile(paths.adminKubeconfig, "utf8").catch(() => {
    throw noCluster(paths)
  })
  return loadKubeconfig(`${text}\n`)
}

/** The way into the cluster of a kubeconfig; into one on this machine, as its administrator, unless there is one. */
export async function accessFor(paths: ClusterPaths, kubeconfig?: string): Promise<ClusterAccess> {
  if (kubeconfig === undefined) return adminAccess(paths)
  try {
    return loadKubeconfig(kubeconfig)
  } catch (error) {
    throw new LadyaError(`cannot use ${kubeconfig}: ${errorMessage(error)}`, { hint: "name a kubeconfig file" })
  }
}

/** A connection to the cluster's API as its administrator. Close it when done. */
export async function adminTransport(paths: ClusterPaths, timeoutMs = 10_000): Promise<HttpsTransport> {
  return newHttpsTransport({
    ...(await adminAccess(paths)),
    userAgent: "ladya",
    clock: systemClock,
    log: silentLogger,
    callTimeoutMs: timeoutMs,
    connectTimeoutMs: Math.min(timeoutMs, 2000),
  })
}
