import { fieldError, isDns1035Label, isDns1123Subdomain, isPortNumber } from "@ladya/apimachinery"
import { checkRequired, checkTexts, type Errors, indexed } from "./checks.ts"

/** How the webhooks of admission and of conversion are reached. */
interface ClientConfig {
  url?: string
  service?: { name: string; namespace: string; path?: string; port?: number }
}

export const reviewVersions = ["v1", "v1beta1"]

/** The versions of the reviews that a webhook understands: one of them has to be known. */
export function checkReviewVersions(
  errors: Errors,
  path: string,
  versions: readonly string[],
  requiredDetail = "",
): void {
  if (versions.length === 0) {
    errors.push(fieldError.required(path, requiredDetail))
    return
  }
  const seen = new Set<string>()
  for (const [version, at] of indexed(path, versions)) {
    if (seen.has(version)) errors.push(fieldError.invalid(at, version, "duplicate version"))
    seen.add(version)
    checkTexts(errors, at, version, isDns1035Label(version))
  }
  if (!versions.some((version) => reviewVersions.includes(version))) {
    errors.push(fieldError.invalid(path, versions, `must include at least one of ${reviewVersions.join(", ")}`))
  }
}

/** A URL, or a Service; not both. */
export function checkWebhookClient(errors: Errors, path: string, config: ClientConfig | undefined): void {
  const { url, service } = config ?? {}
  if ((url === undefined) === (service === undefined)) {
    errors.push(fieldError.required(path, "exactly one of url or service is required"))
    return
  }
  if (url !== undefined) checkUrl(errors, `${path}.url`, url)
  if (!service) return
  checkRequired(errors, `${path}.service.name`, service.name, "service name is required")
  checkRequired(errors, `${path}.service.namespace`, service.namespace, "service namespace is required")
  const { port = 443 } = service
  const wrong = isPortNumber(port)
  if (wrong.length > 0) {
    errors.push(fieldError.invalid(`${path}.service.port`, port, `port is not valid: ${wrong.join(",")}`))
  }
  checkServicePath(errors, `${path}.service.path`, service.path ?? "/")
}

// Scheme, authority, path, query and fragment: RFC 3986, appendix B.
const parts = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s

function checkUrl(errors: Errors, path: string, url: string): void {
  const form = "; desired format: https://host[/path]"
  const [, scheme = "", authority = "", , query = "", fragment = ""] = parts.exec(url) ?? []
  const at = authority.lastIndexOf("@")
  if (scheme !== "https") {
    errors.push(fieldError.invalid(path, scheme, `'https' is the only allowed URL scheme${form}`))
  }
  if (authority.slice(at + 1) === "") errors.push(fieldError.invalid(path, "", `host must be specified${form}`))
  if (at >= 0) {
    errors.push(fieldError.invalid(path, authority.slice(0, at), "user information is not permitted in the URL"))
  }
  if (fragment) errors.push(fieldError.invalid(path, fragment, "fragments are not permitted in the URL"))
  if (query) errors.push(fieldError.invalid(path, query, "query parameters are not permitted in the URL"))
}

function checkServicePath(errors: Errors, path: string, value: string): void {
  if (value === "/" || value === "") return
  if (value === "//") {
    errors.push(fieldError.invalid(path, value, "segment[0] may not be empty"))
    return
  }
  if (!value.startsWith("/")) errors.push(fieldError.invalid(path, value, "must start with a '/'"))
  for (const [index, segment] of value.slice(1).replace(/\/$/, "").split("/").entries()) {
    if (segment === "") {
      errors.push(fieldError.invalid(path, value, `segment[${index}] may not be empty`))
      continue
    }
    for (const message of isDns1123Subdomain(segment)) {
      errors.push(fieldError.invalid(path, value, `segment[${index}]: ${message}`))
    }
  }
}
