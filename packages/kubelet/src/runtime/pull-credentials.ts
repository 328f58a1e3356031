import type { corev1 } from "@ladya/api"
import type { AuthConfig } from "@ladya/cri"
import { parseImageReference } from "./image-reference.ts"

interface DockerEntry {
  username?: string
  password?: string
  auth?: string
  identitytoken?: string
  registrytoken?: string
}

interface Credential {
  /** Registry host with port, in lower case, perhaps with `*` in it, and a path. */
  host: string
  path: string
  auth: AuthConfig
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

function entriesOf(secret: corev1.Secret): Record<string, unknown> {
  const read = (key: string): unknown => {
    const encoded = secret.data?.[key]
    if (encoded === undefined) return undefined
    try {
      return JSON.parse(Buffer.from(encoded, "base64").toString("utf8"))
    } catch {
      // Whoever wrote it sees the pull fail; a broken secret must not hide the good ones.
      return undefined
    }
  }
  if (secret.type === "kubernetes.io/dockerconfigjson") {
    const config = read(".dockerconfigjson")
    return isRecord(config) && isRecord(config["auths"]) ? config["auths"] : {}
  }
  if (secret.type === "kubernetes.io/dockercfg") {
    const config = read(".dockercfg")
    return isRecord(config) ? config : {}
  }
  return {}
}

function toAuth(entry: DockerEntry): AuthConfig | undefined {
  const decoded = text(entry.auth) ? Buffer.from(entry.auth ?? "", "base64").toString("utf8") : ""
  const colon = decoded.indexOf(":")
  const username = text(entry.username) ?? (colon > 0 ? decoded.slice(0, colon) : undefined)
  const password = text(entry.password) ?? (colon > 0 ? decoded.slice(colon + 1) : undefined)
  const identityToken = text(entry.identitytoken)
  const registryToken = text(entry.registrytoken)
  if (!username && !identityToken && !registryToken) return undefined
  return {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(identityToken ? { identityToken } : {}),
    ...(registryToken ? { registryToken } : {}),
  }
}

/** `https://index.docker.io/v1/` → host `index.docker.io`, no path. */
function parseServer(server: string): { host: string; path: string } {
  const bare = server.replace(/^https?:\/\//, "").replace(/\/+$/, "")
  const slash = bare.indexOf("/")
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase()
  const path = slash < 0 ? "" : bare.slice(slash + 1)
  return { host, path: path === "v1" || path === "v2" ? "" : path.replace(/^v[12]\//, "") }
}

const dockerHosts = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"])

function hostMatches(pattern: string, host: string): boolean {
  if (dockerHosts.has(pattern) && dockerHosts.has(host)) return true
  const parts = pattern.split(".")
  const given = host.split(".")
  return (
    parts.length === given.length &&
    parts.every((part, index) => {
      const expression = part.split("*").map((piece) => piece.replace(/[\\^$+?()[\]{}|]/g, "\\$&"))
      return new RegExp(`^${expression.join(".*")}$`).test(given[index] ?? "")
    })
  )
}

/** The credentials of pull secrets that are good for an image, the most specific first. */
export function pullCredentials(image: string, secrets: readonly corev1.Secret[]): AuthConfig[] {
  const { registry, repository } = parseImageReference(image)
  const found: Credential[] = []
  for (const secret of secrets) {
    for (const [server, entry] of Object.entries(entriesOf(secret))) {
      const { host, path } = parseServer(server)
      const auth = isRecord(entry) ? toAuth(entry as DockerEntry) : undefined
      if (!auth || !hostMatches(host, registry.toLowerCase())) continue
      if (path !== "" && repository !== path && !repository.startsWith(`${path}/`)) continue
      found.push({ host, path, auth })
    }
  }
  return found.sort((a, b) => b.path.length - a.path.length).map(({ auth }) => auth)
}
