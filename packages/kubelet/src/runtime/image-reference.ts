/** An image's name taken apart. */
export interface ImageReference {
  /** `docker.io` when the name has none. */
  registry: string
  /** `library/busybox` */
  repository: string
  /** `latest` when the name has neither tag nor digest. */
  tag: string | undefined
  digest: string | undefined
}

const pathPart = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const host =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d+)?$/
const tagText = /^\w[\w.-]{0,127}$/
const digestText = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/
const bareId = /^[a-f0-9]{64}$/

/** Takes an image's name apart; throws an error whose text says what is wrong, as users know it. */
export function parseImageReference(name: string): ImageReference {
  const invalid = (why: string): Error =>
    new Error(`couldn't parse image name ${JSON.stringify(name)}: invalid reference format${why}`)
  const at = name.indexOf("@")
  const digest = at >= 0 ? name.slice(at + 1) : undefined
  if (digest !== undefined && !digestText.test(digest)) throw invalid("")
  const withTag = at >= 0 ? name.slice(0, at) : name
  if (bareId.test(withTag)) {
    throw new Error(
      `couldn't parse image name ${JSON.stringify(name)}: invalid repository name (${withTag}), cannot specify 64-byte hexadecimal strings`,
    )
  }
  const colon = withTag.lastIndexOf(":")
  const hasTag = colon > withTag.lastIndexOf("/")
  const tag = hasTag ? withTag.slice(colon + 1) : undefined
  if (tag !== undefined && !tagText.test(tag)) throw invalid("")
  const path = hasTag ? withTag.slice(0, colon) : withTag
  const slash = path.indexOf("/")
  const first = slash >= 0 ? path.slice(0, slash) : ""
  const named = first !== "" && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase())
  const registry = named ? first : "docker.io"
  if (!host.test(registry)) throw invalid("")
  const rest = named ? path.slice(slash + 1) : path
  const repository = !named && !rest.includes("/") ? `library/${rest}` : rest
  if (repository !== repository.toLowerCase()) {
    throw invalid(`: repository name (${repository}) must be lowercase`)
  }
  if (!repository.split("/").every((part) => pathPart.test(part))) throw invalid("")
  return { registry, repository, tag: tag ?? (digest ? undefined : "latest"), digest }
}

/** The whole name, as the runtime lists it: `docker.io/library/busybox:latest`. */
export function normalizedImage(name: string): string {
  const { registry, repository, tag, digest } = parseImageReference(name)
  return `${registry}/${repository}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`
}
