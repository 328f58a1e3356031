/** Syntax of names, labels and the like. Each function gives what is wrong, as the API words it; empty when all is well. */

const dns1123LabelFormat = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
const dns1123SubdomainFormat = `${dns1123LabelFormat}(\\.${dns1123LabelFormat})*`
const dns1035LabelFormat = "[a-z]([-a-z0-9]*[a-z0-9])?"
const qualifiedNameFormat = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
const labelValueFormat = `(${qualifiedNameFormat})?`
const wildcardFormat = `\\*\\.${dns1123SubdomainFormat}`
const cIdentifierFormat = "[A-Za-z_][A-Za-z0-9_]*"
const configKeyFormat = "[-._a-zA-Z0-9]+"
const headerNameFormat = "[-A-Za-z0-9]+"
const percentFormat = "[0-9]+%"

// The formats above backtrack badly on long hostile input; every check bounds the length before it runs one.
const whole = (format: string): RegExp => new RegExp(`^(?:${format})$`)
const dns1123Label = whole(dns1123LabelFormat)
const dns1123Subdomain = whole(dns1123SubdomainFormat)
const dns1035Label = whole(dns1035LabelFormat)
const qualifiedNamePart = whole(qualifiedNameFormat)
const labelValue = whole(labelValueFormat)
const wildcard = whole(wildcardFormat)
const cIdentifier = whole(cIdentifierFormat)
const configKey = whole(configKeyFormat)
const headerName = whole(headerNameFormat)
const percent = whole(percentFormat)

function regexError(message: string, format: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${format}')`
  const list = examples.map((example) => `'${example}', `).join(" or ")
  return `${message} (e.g. ${list}regex used for validation is '${format}')`
}

const maxLengthError = (length: number): string => `must be no more than ${length} bytes`
const emptyError = "must be non-empty"

/** The length of a text in UTF-8 bytes. */
export function utf8Length(text: string): number {
  let bytes = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x80) bytes += 1
    else if (code < 0x800) bytes += 2
    else if (code >= 0xd800 && code < 0xdc00) {
      bytes += 4
      index++
    } else bytes += 3
  }
  return bytes
}

const dns1123LabelError = regexError(
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  dns1123LabelFormat,
  "my-name",
  "123-abc",
)
const dns1123SubdomainError = regexError(
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  dns1123SubdomainFormat,
  "example.com",
)
const dns1035LabelError = regexError(
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  dns1035LabelFormat,
  "my-name",
  "abc-123",
)

function bounded(text: string, limit: number, format: RegExp, wrong: string): string[] {
  const errors: string[] = []
  const tooLong = utf8Length(text) > limit
  if (tooLong) errors.push(maxLengthError(limit))
  // A text far beyond the limit is not run through the pattern: its length says enough.
  if (text.length <= 4 * limit && !format.test(text)) errors.push(wrong)
  return errors
}

/** At most 63 of lower-case letters, digits and `-`. */
export function isDns1123Label(text: string): string[] {
  const errors = bounded(text, 63, dns1123Label, dns1123LabelError)
  if (errors.at(-1) === dns1123LabelError && dns1123Subdomain.test(text)) {
    errors[errors.length - 1] = "must not contain dots"
  }
  return errors
}

/** At most 253 bytes of labels with dots between: what most object names must be. */
export function isDns1123Subdomain(text: string): string[] {
  return bounded(text, 253, dns1123Subdomain, dns1123SubdomainError)
}

/** As a DNS-1123 label, but it starts with a letter. */
export function isDns1035Label(text: string): string[] {
  return bounded(text, 63, dns1035Label, dns1035LabelError)
}

/** `*.example.com`. */
export function isWildcardDns1123Subdomain(text: string): string[] {
  return bounded(
    text,
    253,
    wildcard,
    regexError(
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
      wildcardFormat,
      "*.example.com",
    ),
  )
}

/** A fully qualified domain name: a subdomain of at least two labels; a final dot is let pass. */
export function isFullyQualifiedDomainName(text: string): string[] {
  if (text === "") return [emptyError]
  const name = text.endsWith(".") ? text.slice(0, -1) : text
  const errors = isDns1123Subdomain(name)
  if (errors.length > 0) return errors
  if (!name.includes(".")) return ["should be a domain with at least two segments separated by dots"]
  return name.split(".").flatMap((label) => isDns1123Label(label))
}

const qualifiedNameError = regexError(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  qualifiedNameFormat,
  "MyName",
  "my.name",
  "123-abc",
)

const knownQualifiedNames = new Set<string>()

/** A label or annotation key: an optional DNS subdomain and `/`, then at most 63 characters. */
export function isQualifiedName(key: string): string[] {
  // A key that a client left out is an empty one.
  const text = key ?? ""
  if (knownQualifiedNames.has(text)) return []
  const errors = qualifiedNameErrors(text)
  // Keys repeat endlessly in a cluster; the memory is bounded by starting over.
  if (errors.length === 0) {
    if (knownQualifiedNames.size > 4096) knownQualifiedNames.clear()
    knownQualifiedNames.add(text)
  }
  return errors
}

function qualifiedNameErrors(text: string): string[] {
  const errors: string[] = []
  const parts = text.split("/")
  let name: string
  if (parts.length === 1) name = parts[0] as string
  else if (parts.length === 2) {
    const prefix = parts[0] as string
    name = parts[1] as string
    if (prefix === "") errors.push(`prefix part ${emptyError}`)
    else errors.push(...isDns1123Subdomain(prefix).map((message) => `prefix part ${message}`))
  } else {
    return [
      `a qualified name ${qualifiedNameError} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  if (name === "") errors.push(`name part ${emptyError}`)
  else if (utf8Length(name) > 63) errors.push(`name part ${maxLengthError(63)}`)
  if (name.length <= 256 && !qualifiedNamePart.test(name)) errors.push(`name part ${qualifiedNameError}`)
  return errors
}

const labelValueError = regexError(
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  labelValueFormat,
  "MyValue",
  "my_value",
  "12345",
)

/** Empty, or at most 63 of letters, digits, `-`, `_` and `.`. */
export function isLabelValue(text: string): string[] {
  return bounded(text, 63, labelValue, labelValueError)
}

/** A C identifier. */
export function isCIdentifier(text: string): string[] {
  if (cIdentifier.test(text)) return []
  return [
    regexError(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      cIdentifierFormat,
      "my_name",
      "MY_NAME",
      "MyName",
    ),
  ]
}

/** Any printable ASCII but `=`. */
export function isEnvVarName(text: string): string[] {
  if (text === "") return ["environment variable name must be non-empty"]
  if (/^[ -<>-~]+$/.test(text)) return []
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
}

function dotErrors(text: string): string[] {
  if (text === ".") return ["must not be '.'"]
  if (text === "..") return ["must not be '..'"]
  if (text.startsWith("..")) return ["must not start with '..'"]
  return []
}

/** A key of ConfigMap or Secret data: also a file name. */
export function isConfigMapKey(text: string): string[] {
  const errors: string[] = []
  if (utf8Length(text) > 253) errors.push(maxLengthError(253))
  if (!configKey.test(text)) {
    errors.push(
      regexError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        configKeyFormat,
        "key.name",
        "KEY_NAME",
        "key-name",
      ),
    )
  }
  errors.push(...dotErrors(text))
  return errors
}

/** A name that is one segment of a URL path: what RBAC objects and the like may be called. */
export function isPathSegmentName(text: string): string[] {
  if (text === ".") return ["may not be '.'"]
  if (text === "..") return ["may not be '..'"]
  return ["/", "%"].filter((part) => text.includes(part)).map((part) => `may not contain '${part}'`)
}

/** The name of a container or Service port (an IANA service name). */
export function isPortName(text: string): string[] {
  const errors: string[] = []
  if (utf8Length(text) > 15) errors.push(maxLengthError(15))
  if (!/^[-a-z0-9]+$/.test(text)) {
    errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
  }
  if (!/[a-z]/.test(text)) errors.push("must contain at least one letter (a-z)")
  if (text.includes("--")) errors.push("must not contain consecutive hyphens")
  if (text.startsWith("-") || text.endsWith("-")) errors.push("must not begin or end with a hyphen")
  return errors
}

const inclusive = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`

export function isPortNumber(port: number): string[] {
  return port >= 1 && port <= 65535 && Number.isInteger(port) ? [] : [inclusive(1, 65535)]
}

export function isInRange(value: number, low: number, high: number): string[] {
  return value >= low && value <= high ? [] : [inclusive(low, high)]
}

export function isUserOrGroupId(id: number): string[] {
  return isInRange(id, 0, 2 ** 31 - 1)
}

/** `25%`. */
export function isPercent(text: string): string[] {
  if (percent.test(text)) return []
  return [
    regexError("a valid percent string must be a numeric string followed by an ending '%'", percentFormat, "1%", "93%"),
  ]
}

export function isHttpHeaderName(text: string): string[] {
  if (headerName.test(text)) return []
  return [
    regexError("a valid HTTP header must consist of alphanumeric characters or '-'", headerNameFormat, "X-Header-Name"),
  ]
}

/** What a check says of a generateName: what is appended to it must not be what makes it right or wrong. */
export function maskTrailingDash(text: string): string {
  return text.length > 1 && text.endsWith("-") ? `${text.slice(0, -2)}a` : text
}
