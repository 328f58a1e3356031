import { LadyaError } from "../errors.ts"

/** A reference to an image, taken apart. `full` is the form in which it is stored and compared. */
export interface ImageName {
  registry: string
  repository: string
  tag: string | undefined
  digest: string | undefined
  full: string
}

const repositoryPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const tagPattern = /^\w[\w.-]{0,127}$/
const digestPattern = /^sha256:[0-9a-f]{64}$/

/** The name as container runtimes read it: `busybox` means `docker.io/library/busybox:latest`. Throws for what is not a name. */
export function parseImageName(text: string): ImageName {
  const invalid = (why: string): LadyaError =>
    new LadyaError(`"${text}" is not an image name: ${why}`, {
      hint: "write it as [REGISTRY/]NAME[:TAG], in lower case: busybox, shop/web:v2, registry.example/team/app:1.0",
      exitCode: 2,
    })
  const [withoutDigest = "", digest] = text.split("@", 2)
  if (digest !== undefined && !digestPattern.test(digest)) throw invalid("the digest must be sha256: and 64 hex digits")
  const slash = withoutDigest.lastIndexOf("/")
  const colon = withoutDigest.indexOf(":", slash + 1)
  const path = colon < 0 ? withoutDigest : withoutDigest.slice(0, colon)
  let tag = colon < 0 ? undefined : withoutDigest.slice(colon + 1)
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(`"${tag}" is not a tag`)
  if (tag === undefined && digest === undefined) tag = "latest"
  const first = path.split("/", 1)[0] as string
  const hasRegistry = path.includes("/") && (/[.:]/.test(first) || first === "localhost")
  const registry = hasRegistry && first !== "index.docker.io" ? first : "docker.io"
  let repository = hasRegistry ? path.slice(first.length + 1) : path
  if (registry === "docker.io" && !repository.includes("/")) repository = `library/${repository}`
  if (!repositoryPattern.test(repository)) throw invalid(`"${repository}" is not a repository`)
  const full = `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`
  return { registry, repository, tag, digest, full }
}

/** The stored form of a name. */
export function fullImageName(text: string): string {
  return parseImageName(text).full
}
