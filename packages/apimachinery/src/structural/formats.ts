const digits = /^\d+$/
const ipv4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/

function isIpv6(text: string): boolean {
  const double = text.split("::")
  if (double.length > 2 || !/^[0-9a-fA-F:.]+$/.test(text)) return false
  const groups = double.flatMap((half) => (half === "" ? [] : half.split(":")))
  let count = groups.length
  const last = groups.at(-1) ?? ""
  if (last.includes(".")) {
    if (!ipv4.test(last)) return false
    groups.pop()
    count++
  }
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false
  return double.length === 2 ? count < 8 : count === 8
}

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/")
  if (rest.length > 0 || !digits.test(bits)) return false
  return (ipv4.test(address) && Number(bits) <= 32) || (isIpv6(address) && Number(bits) <= 128)
}

function isUri(text: string): boolean {
  return text.startsWith("/") || URL.canParse(text)
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false
  const ms = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}

const uuid = (version: string): RegExp =>
  new RegExp(
    `^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?${version === "[0-9a-f]" || version === "3" ? "[0-9a-f]" : "[89ab]"}[0-9a-f]{3}-?[0-9a-f]{12}$`,
    "i",
  )
const matches =
  (pattern: RegExp) =>
  (text: string): boolean =>
    pattern.test(text)

/** The string formats that are checked; any other is let pass. */
const formats: Readonly<Record<string, (text: string) => boolean>> = {
  "date-time": (text) =>
    /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?$/.test(text) && isDate(text.slice(0, 10)),
  date: isDate,
  duration: matches(
    /^[+-]?(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|m|h|d|w)(((\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s|m|h|d|w))*)$/,
  ),
  ipv4: matches(ipv4),
  ipv6: (text) => text.includes(":") && isIpv6(text),
  cidr: isCidr,
  uri: isUri,
  email: matches(/^[^\s@<>]+@[^\s@<>]+$/),
  hostname: matches(
    /^(?=.{1,255}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\.?$/,
  ),
  mac: matches(/^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/),
  byte: matches(/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
  hexcolor: matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  uuid: matches(uuid("[0-9a-f]")),
  uuid3: matches(uuid("3")),
  uuid4: matches(uuid("4")),
  uuid5: matches(uuid("5")),
}

/** Whether a text is of a format. Unknown formats take every text. */
export function isOfFormat(format: string, text: string): boolean {
  return Object.hasOwn(formats, format) ? (formats[format]?.(text) ?? true) : true
}
