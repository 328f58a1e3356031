import { CelError } from "../../runtime/errors.ts"
import type { TypedValue } from "../../runtime/values.ts"
import { opaqueType } from "../../types.ts"
import { define, type Overload, traverse } from "../overload.ts"
import { type Cidr, containsIp, type IpBytes, ipText, maskedIp, parseCidr, parseIp } from "./ip-text.ts"

const ipName = "net.IP"
const cidrName = "net.CIDR"

class CelIp implements TypedValue {
  readonly celType = opaqueType(ipName)
  readonly bytes: IpBytes
  constructor(bytes: IpBytes) {
    this.bytes = bytes
  }
  equals(other: unknown): boolean {
    return other instanceof CelIp && ipText(other.bytes) === ipText(this.bytes)
  }
}

class CelCidr implements TypedValue {
  readonly celType = opaqueType(cidrName)
  readonly cidr: Cidr
  constructor(cidr: Cidr) {
    this.cidr = cidr
  }
  equals(other: unknown): boolean {
    return other instanceof CelCidr && cidrText(other) === cidrText(this)
  }
}

const cidrText = ({ cidr }: CelCidr): string => `${ipText(cidr.address)}/${cidr.bits}`

function ip(text: string): CelIp {
  const bytes = parseIp(text)
  if (!bytes) throw new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`)
  return new CelIp(bytes)
}

function cidr(text: string): CelCidr {
  const found = parseCidr(text)
  if (!found) throw new CelError(`network address parse error during conversion from string: ${JSON.stringify(text)}`)
  return new CelCidr(found)
}

const isV4 = ({ bytes }: CelIp): boolean => bytes.length === 4
const starts = (bytes: IpBytes, ...wanted: number[]): boolean => wanted.every((byte, index) => bytes[index] === byte)
const isUnspecified = ({ bytes }: CelIp): boolean => bytes.every((byte) => byte === 0)
const isLoopback = (value: CelIp): boolean => (isV4(value) ? value.bytes[0] === 127 : ipText(value.bytes) === "::1")
const isMulticast = (value: CelIp): boolean =>
  isV4(value) ? (value.bytes[0]! & 0xf0) === 0xe0 : value.bytes[0] === 0xff
const isLinkLocalMulticast = (value: CelIp): boolean =>
  isV4(value) ? starts(value.bytes, 224, 0, 0) : value.bytes[0] === 0xff && (value.bytes[1]! & 15) === 2
const isLinkLocal = (value: CelIp): boolean =>
  isV4(value) ? starts(value.bytes, 169, 254) : value.bytes[0] === 0xfe && (value.bytes[1]! & 0xc0) === 0x80
const isGlobalUnicast = (value: CelIp): boolean =>
  !isUnspecified(value) &&
  !isLoopback(value) &&
  !isMulticast(value) &&
  !isLinkLocal(value) &&
  !(isV4(value) && starts(value.bytes, 255, 255, 255, 255))

const along = { cost: ([size = 0]: readonly number[]) => Math.max(1, traverse(size)) }
const family = (bytes: IpBytes): bigint => (bytes.length === 4 ? 4n : 6n)

/** Internet addresses and networks. */
export const ipFunctions: readonly Overload[] = [
  define(`ip(string): ${ipName}`, ip, along),
  define("isIP(string): bool", (text: string) => parseIp(text) !== undefined, along),
  define("ip.isCanonical(string): bool", (text: string) => ipText(ip(text).bytes) === text, along),
  define(`string(${ipName}): string`, (value: CelIp) => ipText(value.bytes), { size: () => 39 }),
  define(`${ipName}:family(): int`, (value: CelIp) => family(value.bytes)),
  define(`${ipName}:isUnspecified(): bool`, isUnspecified),
  define(`${ipName}:isLoopback(): bool`, isLoopback),
  define(`${ipName}:isLinkLocalMulticast(): bool`, isLinkLocalMulticast),
  define(`${ipName}:isLinkLocalUnicast(): bool`, isLinkLocal),
  define(`${ipName}:isGlobalUnicast(): bool`, isGlobalUnicast),
  define(`cidr(string): ${cidrName}`, cidr, along),
  define("isCIDR(string): bool", (text: string) => parseCidr(text) !== undefined, along),
  define(`string(${cidrName}): string`, cidrText, { size: () => 43 }),
  define(`${cidrName}:containsIP(string): bool`, (net: CelCidr, text: string) => containsIp(net.cidr, ip(text).bytes)),
  define(`${cidrName}:containsIP(${ipName}): bool`, (net: CelCidr, value: CelIp) => containsIp(net.cidr, value.bytes)),
  define(`${cidrName}:containsCIDR(string): bool`, (net: CelCidr, text: string) => covers(net, cidr(text))),
  define(`${cidrName}:containsCIDR(${cidrName}): bool`, covers),
  define(`${cidrName}:ip(): ${ipName}`, (net: CelCidr) => new CelIp(net.cidr.address)),
  define(
    `${cidrName}:masked(): ${cidrName}`,
    ({ cidr: { address, bits } }: CelCidr) => new CelCidr({ address: maskedIp(address, bits), bits }),
  ),
  define(`${cidrName}:prefixLength(): int`, (net: CelCidr) => BigInt(net.cidr.bits)),
]

function covers(outer: CelCidr, inner: CelCidr): boolean {
  return inner.cidr.bits >= outer.cidr.bits && containsIp(outer.cidr, inner.cidr.address)
}
