import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { parse } from "yaml"

/** How to reach a cluster and who one is there. PEM texts, not paths. */
export interface ClusterAccess {
  /** `https://host:port`, with a path when the API is served below one. */
  server: string
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  /** A bearer token, or where to get the one of the moment. */
  token?: string | (() => string | Promise<string>)
  tlsServerName?: string
  insecureSkipTlsVerify?: boolean
}

interface Kubeconfig {
  "current-context"?: string
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[]
  clusters?: { name: string; cluster: Record<string, unknown> }[]
  users?: { name: string; user: Record<string, unknown> }[]
}

/**
 * Reads a kubeconfig: a path, or the text itself. Files that it names are read from beside it.
 * Throws an Error that says what is missing; exec and auth-provider users are refused.
 */
export function loadKubeconfig(
  pathOrText: string,
  options: { context?: string } = {},
): ClusterAccess & { namespace: string } {
  const isText = pathOrText.includes("\n")
  const text = isText ? pathOrText : readFileSync(pathOrText, "utf8")
  const directory = isText ? "." : dirname(resolve(pathOrText))
  const where = isText ? "kubeconfig" : pathOrText
  const config = (parse(text) ?? {}) as Kubeconfig
  const contextName = options.context ?? config["current-context"]
  if (!contextName) throw new Error(`${where}: current-context is not set`)
  const context = named(config.contexts, contextName, where, "context").context
  const { cluster } = named(config.clusters, context.cluster, where, "cluster")
  const user = context.user ? named(config.users, context.user, where, "user").user : {}
  for (const unsupported of ["exec", "auth-provider", "username"]) {
    if (user[unsupported])
      throw new Error(`${where}: user ${JSON.stringify(context.user)} uses ${unsupported}: not supported`)
  }
  const server = cluster["server"]
  if (typeof server !== "string") throw new Error(`${where}: cluster ${JSON.stringify(context.cluster)} has no server`)
  const data = (from: Record<string, unknown>, field: string): Buffer | undefined => {
    const embedded = from[`${field}-data`]
    if (typeof embedded === "string" && embedded) return Buffer.from(embedded, "base64")
    const path = from[field]
    return typeof path === "string" && path ? readFileSync(resolve(directory, path)) : undefined
  }
  const ca = data(cluster, "certificate-authority")
  const cert = data(user, "client-certificate")
  const key = data(user, "client-key")
  const token = tokenOf(user, directory)
  const tlsServerName = cluster["tls-server-name"]
  return {
    server,
    namespace: context.namespace ?? "default",
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(token ? { token } : {}),
    ...(typeof tlsServerName === "string" ? { tlsServerName } : {}),
    ...(cluster["insecure-skip-tls-verify"] === true ? { insecureSkipTlsVerify: true } : {}),
  }
}

/** A token file is read anew for each request: what is in it is rotated. */
function tokenOf(user: Record<string, unknown>, directory: string): ClusterAccess["token"] {
  const file = user["tokenFile"]
  if (typeof file === "string" && file) return () => readFileSync(resolve(directory, file), "utf8").trim()
  const token = user["token"]
  return typeof token === "string" && token ? token : undefined
}

function named<T extends { name: string }>(list: T[] | undefined, name: string, where: string, what: string): T {
  const found = list?.find((entry) => entry.name === name)
  if (!found) throw new Error(`${where}: ${what} ${JSON.stringify(name)} is not there`)
  return found
}
