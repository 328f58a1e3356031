import type { AddressPool } from "./address-pool.ts"
import { type ClaimOwner, type Claims, ownerText } from "./claims.ts"

export interface HoldOptions {
  id: string
  owner: ClaimOwner
  /** Addresses and ports that the Service has already: they are claimed. */
  had: ReadonlySet<string>
  dryRun: boolean
}

/** What one write holds until it is through: numbers in this server's pools, and claims that all servers see. */
export class Hold {
  readonly id: string
  /** The Service's own key: what it has already, it may ask for. */
  readonly key: string
  readonly #options: HoldOptions
  #numbers: { pool: AddressPool; number: number }[] = []
  #made: { claims: Claims; number: string }[] = []

  constructor(options: HoldOptions) {
    this.#options = options
    this.id = options.id
    this.key = ownerText(options.owner)
  }

  note(pool: AddressPool, number: number): void {
    this.#numbers.push({ pool, number })
  }

  /** Whether the Service may have it, as far as all servers are concerned. */
  async claim(claims: Claims, number: string): Promise<boolean> {
    const { owner, had, dryRun } = this.#options
    if (dryRun || had.has(number)) return true
    const outcome = await claims.claim(number, owner)
    if (outcome === "made") this.#made.push({ claims, number })
    return outcome !== "taken"
  }

  /** The pools of this server may give the numbers to others, if nobody else keeps them. */
  letGo(): void {
    for (const { pool, number } of this.#numbers) pool.release(number, this.id)
    this.#numbers = []
  }

  /** The write failed: everything is as before. */
  async undo(): Promise<void> {
    const made = this.#made
    this.#made = []
    try {
      await Promise.all(made.map(({ claims, number }) => claims.release(number, this.#options.owner)))
    } finally {
      this.letGo()
    }
  }
}
