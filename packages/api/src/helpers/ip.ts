/** An IP address: its family and its bits. */
export interface IpAddress {
  readonly family: 4 | 6
  readonly value: bigint
}

export interface Cidr {
  readonly address: IpAddress
  readonly prefixLength: number
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".")
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    // Leading zeros are refused: some programs read them as octal.
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    value = value * 256n + BigInt(part)
  }
  return value
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return []
  const groups: number[] = []
  const parts = text.split(":")
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes(".")) {
      const v4 = parseIpv4(part)
      if (v4 === undefined) return undefined
      groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn))
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? "")
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "") : []
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...new Array<number>(halves.length === 2 ? missing : 0).fill(0), ...tail]
  return groups.reduce((value, group) => value * 65536n + BigInt(group), 0n)
}

/** Parses an IP address of either family; undefined when it is none. */
export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const value = parseIpv4(text)
    return value === undefined ? undefined : { family: 4, value }
  }
  const value = parseIpv6(text)
  return value === undefined ? undefined : { family: 6, value }
}

/** `10.0.0.1`, or the shortest form of an IPv6 address. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".")
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(16 * (7 - index))) & 0xffffn))
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const hex = (list: number[]): string => list.map((group) => group.toString(16)).join(":")
  if (best.start < 0) return hex(groups)
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`
}

/** Parses `10.0.0.0/8`; undefined when it is none. Host bits may be set. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/")
  if (slash < 0) return undefined
  const address = parseIp(text.slice(0, slash))
  const length = text.slice(slash + 1)
  if (!address || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined
  const prefixLength = Number(length)
  return prefixLength > (address.family === 4 ? 32 : 128) ? undefined : { address, prefixLength }
}

/** The first address and the number of addresses of a range. */
export function cidrRange({ address, prefixLength }: Cidr): { first: bigint; size: bigint } {
  const size = 1n << BigInt((address.family === 4 ? 32 : 128) - prefixLength)
  return { first: address.value - (address.value % size), size }
}

/** Whether the address lies in the range. */
export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  if (cidr.address.family !== ip.family) return false
  const { first, size } = cidrRange(cidr)
  return ip.value >= first && ip.value < first + size
}

export const ipMessage = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
export const cidrMessage = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
