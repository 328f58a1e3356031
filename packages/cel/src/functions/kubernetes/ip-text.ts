/** An address as its bytes: 4 or 16 of them. */
export type IpBytes = readonly number[]

/** Reads an address as the API takes it: no zones, no leading zeros, no IPv4 mapped into IPv6. */
export function parseIp(text: string): IpBytes | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text)
}

function parseV4(text: string): IpBytes | undefined {
  const parts = text.split(".")
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte < 256) ? bytes : undefined
}

function parseV6(text: string): IpBytes | undefined {
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":")))
  const bytes = [toBytes(head ?? [], halves.length === 1), halves.length === 2 ? toBytes(tail ?? [], true) : []]
  const [front, back] = bytes
  if (!front || !back) return undefined
  const missing = 16 - front.length - back.length
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined
  const all = [...front, ...Array<number>(missing).fill(0), ...back]
  const isMapped = all.slice(0, 10).every((byte) => byte === 0) && all[10] === 255 && all[11] === 255
  return isMapped ? undefined : all
}

function toBytes(groups: readonly string[], mayEndInV4: boolean): number[] | undefined {
  const bytes: number[] = []
  for (const [index, group] of groups.entries()) {
    if (mayEndInV4 && index === groups.length - 1 && group.includes(".")) {
      const v4 = parseV4(group)
      if (!v4) return undefined
      bytes.push(...v4)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
      const value = Number.parseInt(group, 16)
      bytes.push(value >> 8, value & 255)
    }
  }
  return bytes
}

/** The canonical text of an address. */
export function ipText(bytes: IpBytes): string {
  if (bytes.length === 4) return bytes.join(".")
  const groups = Array.from({ length: 8 }, (_group, index) => (bytes[index * 2]! << 8) | bytes[index * 2 + 1]!)
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const hex = groups.map((group) => group.toString(16))
  if (best.start < 0) return hex.join(":")
  return `${hex.slice(0, best.start).join(":")}::${hex.slice(best.start + best.length).join(":")}`
}

export interface Cidr {
  readonly address: IpBytes
  readonly bits: number
}

export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text)
  const address = match && parseIp(match[1]!)
  if (!match || !address) return undefined
  const bits = Number(match[2])
  return bits <= address.length * 8 ? { address, bits } : undefined
}

/** An address with all but its first bits cleared. */
export function maskedIp(address: IpBytes, bits: number): IpBytes {
  return address.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8))
    return byte & (256 - 2 ** (8 - kept))
  })
}

export function containsIp({ address, bits }: Cidr, ip: IpBytes): boolean {
  return ip.length === address.length && maskedIp(ip, bits).join() === maskedIp(address, bits).join()
}
