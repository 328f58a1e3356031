import { fieldError } from "@ladya/apimachinery"
import { cidrMessage, ipMessage, parseCidr, parseIp } from "../helpers/ip.ts"
import type { Errors } from "./checks.ts"

export function checkIp(errors: Errors, path: string, value: string): boolean {
  if (parseIp(value)) return true
  errors.push(fieldError.invalid(path, value, ipMessage))
  return false
}

export function checkCidr(errors: Errors, path: string, value: string): boolean {
  if (parseCidr(value)) return true
  errors.push(fieldError.invalid(path, value, cidrMessage))
  return false
}

/** Addresses that only make sense on one machine or link cannot be endpoints. */
export function checkNonSpecialIp(errors: Errors, path: string, value: string): void {
  const ip = parseIp(value)
  if (!ip) {
    errors.push(fieldError.invalid(path, value, ipMessage))
    return
  }
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
