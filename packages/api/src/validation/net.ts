import { fieldError } from "@ladya/apimachinery"
import { cidrMessage, cidrRange, formatIp, type IpAddress, ipMessage, parseCidr, parseIp } from "../helpers/ip.ts"
import { checkTexts, type Errors } from "./checks.ts"

/** What the API says of a text that is to be an address; nothing when it is one. */
export function ipTexts(value: string): string[] {
  const ip = parseIp(value)
  if (!ip) return [parseIp(withoutLeadingZeros(value)) ? "must not have leading 0s" : ipMessage]
  return isMapped(ip) ? ["must not be an IPv4-mapped IPv6 address"] : []
}

/** What the API says of a text that is to be a range of addresses; nothing when it is one. */
export function cidrTexts(value: string): string[] {
  const cidr = parseCidr(value)
  if (!cidr) {
    const sloppy = parseCidr(withoutLeadingZeros(value))
    return [sloppy ? "must not have leading 0s in IP or prefix length" : cidrMessage]
  }
  if (isMapped(cidr.address)) return ["must not have an IPv4-mapped IPv6 address"]
  return cidrRange(cidr).first === cidr.address.value ? [] : ["must not have bits set beyond the prefix length"]
}

// Some programs read `010` as eight: nobody may write it, but what was meant is told from what makes no sense.
function withoutLeadingZeros(value: string): string {
  return value.replace(/(^|[.:/])0+(?=\d)/g, "$1")
}

function isMapped({ family, value }: IpAddress): boolean {
  return family === 6 && value >> 32n === 0xffffn
}

/** `known` are values that the stored object has already: what was taken once stays good. */
export function checkIp(errors: Errors, path: string, value: string, known?: readonly string[]): boolean {
  const messages = known?.includes(value) ? [] : ipTexts(value)
  checkTexts(errors, path, value, messages)
  return messages.length === 0
}

/** `known` are values that the stored object has already: what was taken once stays good. */
export function checkCidr(errors: Errors, path: string, value: string, known?: readonly string[]): boolean {
  const messages = known?.includes(value) ? [] : cidrTexts(value)
  checkTexts(errors, path, value, messages)
  return messages.length === 0
}

/** Addresses that only make sense on one machine or link cannot be endpoints. */
export function checkNonSpecialIp(errors: Errors, path: string, value: string): void {
  const ip = parseIp(value)
  if (!checkIp(errors, path, value) || !ip) return
  const v4 = (first: bigint, bits: bigint): boolean => ip.family === 4 && ip.value >> (32n - bits) === first
  const v6 = (first: bigint, bits: bigint): boolean => ip.family === 6 && ip.value >> (128n - bits) === first
  if (ip.value === 0n) errors.push(fieldError.invalid(path, value, `may not be unspecified (${value})`))
  if (v4(127n, 8n) || v6(1n, 128n)) {
    errors.push(fieldError.invalid(path, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
  }
  if (v4(0xa9fen, 16n) || v6(0xfe80n >> 6n, 10n)) {
    errors.push(fieldError.invalid(path, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
  }
  if (v4(0xe00000n, 24n) || v6(0xff02n, 16n)) {
    errors.push(
      fieldError.invalid(path, value, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    )
  }
}

/** What users are told of an address that is right but not written in the usual way. */
export function ipWarnings(path: string, value: string): string[] {
  const ip = parseIp(value)
  if (!ip) return []
  const canonical = formatIp(ip)
  if (canonical === value || ip.family === 4) return []
  return [
    `${path}: IPv6 address ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`,
  ]
}

/** What users are told of a range that is right but not written in the usual way. */
export function cidrWarnings(path: string, value: string): string[] {
  const cidr = parseCidr(value)
  if (!cidr || cidr.address.family === 4) return []
  const canonical = `${formatIp(cidr.address)}/${cidr.prefixLength}`
  if (canonical === value) return []
  return [
    `${path}: IPv6 CIDR value ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`,
  ]
}
