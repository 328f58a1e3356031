/** The parts of a prefix that are given to nodes: IPv4, all of one size. */
export class CidrPool {
  readonly #base: number
  readonly #maskSize: number
  readonly #used: Uint8Array
  #next = 0

  /** `cidr` as in `10.244.0.0/16`; parts have a prefix of `maskSize`. */
  constructor(cidr: string, maskSize: number) {
    const [address = "", size = ""] = cidr.split("/")
    this.#maskSize = maskSize
    const all = 32 - Number(size)
    this.#base = Number((BigInt(parseIpv4(address)) >> BigInt(all)) << BigInt(all))
    this.#used = new Uint8Array(2 ** (maskSize - Number(size)))
  }

  /** A part that nobody has; undefined when all are given. Goes round, so that a part that was just freed rests. */
  allocate(): string | undefined {
    for (let tried = 0; tried < this.#used.length; tried++) {
      const index = (this.#next + tried) % this.#used.length
      if (this.#used[index]) continue
      this.#used[index] = 1
      this.#next = (index + 1) % this.#used.length
      return this.#text(index)
    }
    return undefined
  }

  /** Marks a part as given. False when it is no part of the pool. */
  occupy(cidr: string): boolean {
    const index = this.#indexOf(cidr)
    if (index === undefined) return false
    this.#used[index] = 1
    return true
  }

  release(cidr: string): void {
    const index = this.#indexOf(cidr)
    if (index !== undefined) this.#used[index] = 0
  }

  #text(index: number): string {
    const address = this.#base + index * 2 ** (32 - this.#maskSize)
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256)
    return `${bytes.join(".")}/${this.#maskSize}`
  }

  #indexOf(cidr: string): number | undefined {
    const [address = "", size] = cidr.split("/")
    if (Number(size) !== this.#maskSize || !/^\d+(\.\d+){3}$/.test(address)) return undefined
    const index = (parseIpv4(address) - this.#base) / 2 ** (32 - this.#maskSize)
    return Number.isInteger(index) && index >= 0 && index < this.#used.length ? index : undefined
  }
}

function parseIpv4(text: string): number {
  return text.split(".").reduce((value, byte) => value * 256 + Number(byte), 0)
}
