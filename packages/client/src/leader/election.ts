import { type coordinationv1, refs } from "@ladya/api"
import { formatMicroTime, isStatus } from "@ladya/apimachinery"
import { type Clock, type Component, errorMessage, type Logger, type Random, sleep } from "@ladya/util"
import type { Client } from "../client.ts"

export interface LeaderElectionOptions {
  client: Client
  /** The Lease that the candidates share. */
  namespace: string
  leaseName: string
  /** Who this candidate is: unique among them. */
  identity: string
  clock: Clock
  log: Logger
  random: Random
  /** How long the others wait for a leader that is silent; 15 s unless told. */
  leaseDurationMs?: number
  /** A leader that could not renew for so long gives up; 10 s unless told. */
  renewDeadlineMs?: number
  /** Between two tries; 2 s unless told. */
  retryPeriodMs?: number
  /** Runs while this candidate leads; the signal aborts when it no longer does. */
  lead(signal: AbortSignal): Promise<void>
  /** Told when the leader is another than before. */
  onNewLeader?(identity: string): void
}

export interface LeaderElection extends Component {
  readonly isLeader: boolean
}

/**
 * Lets one of several candidates lead, by a Lease. Times are measured on this process's own clock from when a change of
 * the Lease was seen, so that clocks of machines need not agree. `start` returns at once; on `stop` the lease is let go.
 */
export function newLeaderElection(options: LeaderElectionOptions): LeaderElection {
  return new LeaseElection(options)
}

class LeaseElection implements LeaderElection {
  readonly name: string
  readonly #options: LeaderElectionOptions
  readonly #leaseDurationMs: number
  readonly #renewDeadlineMs: number
  readonly #retryPeriodMs: number
  readonly #log: Logger
  readonly #stop = new AbortController()
  #observed: coordinationv1.Lease | undefined
  #observedAt = 0
  #isLeader = false
  #leader = ""
  #running: Promise<void> | undefined

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.name = `leader election ${options.leaseName}`
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000
    this.#log = options.log.child({ lease: options.leaseName, identity: options.identity })
  }

  get isLeader(): boolean {
    return this.#isLeader
  }

  async start(): Promise<void> {
    this.#running ??= this.#run()
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#stop.abort()
    const { promise: late, resolve } = Promise.withResolvers<void>()
    signal.addEventListener("abort", () => resolve(), { once: true })
    if (signal.aborted) resolve()
    await Promise.race([this.#running, late])
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options
    const signal = this.#stop.signal
    while (!signal.aborted) {
      const askedAt = clock.monotonic()
      if (await this.#tryWithin(this.#renewDeadlineMs)) await this.#leadWhileRenewed(askedAt)
      const pause = this.#retryPeriodMs * (1 + 0.2 * random())
      await sleep(clock, pause, signal).catch(() => undefined)
    }
  }

  /** `heldSince`: from when on the others count at the earliest. */
  async #leadWhileRenewed(heldSince: number): Promise<void> {
    const { clock, lead } = this.#options
    const leading = new AbortController()
    this.#isLeader = true
    this.#log.info("leading")
    let failed = false
    const work = lead(leading.signal).catch((error: unknown) => {
      failed = true
      this.#log.error("what the leader does failed", { error: errorMessage(error) })
    })
    let renewedAt = heldSince
    const leftMs = (): number => renewedAt + this.#renewDeadlineMs - clock.monotonic()
    while (!this.#stop.signal.aborted && !failed) {
      await sleep(clock, Math.min(this.#retryPeriodMs, leftMs()), this.#stop.signal).catch(() => undefined)
      if (this.#stop.signal.aborted) break
      const askedAt = clock.monotonic()
      if (await this.#tryWithin(leftMs())) renewedAt = askedAt
      if (this.#leader !== this.#options.identity || leftMs() <= 0) break
    }
    this.#isLeader = false
    this.#log.info("no longer leading")
    leading.abort()
    // The lease is let go only when nothing is done in its name any more.
    await work
    await Promise.race([this.#release(), sleep(clock, this.#retryPeriodMs)])
  }

  /** As `#try`; an API that does not answer in time counts as one that refused. */
  async #tryWithin(ms: number): Promise<boolean> {
    const answered = new AbortController()
    const late = sleep(this.#options.clock, Math.max(0, ms), AbortSignal.any([answered.signal, this.#stop.signal]))
    const result = await Promise.race([this.#try(), late.then(() => false).catch(() => false)])
    answered.abort()
    return result
  }

  /** Takes or renews the lease; false when another has it or the API cannot be reached. */
  async #try(): Promise<boolean> {
    const { client, namespace, leaseName, identity, clock } = this.#options
    const leases = client.resource(refs.leases)
    const now = formatMicroTime(clock.now())
    try {
      let current: coordinationv1.Lease
      try {
        current = await leases.get(leaseName, { namespace })
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error
        const spec = { ...this.#spec(now), acquireTime: now, leaseTransitions: 0 }
        const metadata = { namespace, name: leaseName }
        this.#observe(await leases.create({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec }))
        return true
      }
      this.#observe(current)
      const holder = current.spec?.holderIdentity ?? ""
      const isMine = holder === identity
      const durationMs = (current.spec?.leaseDurationSeconds ?? this.#leaseDurationMs / 1000) * 1000
      if (holder && !isMine && clock.monotonic() < this.#observedAt + durationMs) return false
      const transitions = current.spec?.leaseTransitions ?? 0
      const updated = await leases.update({
        ...current,
        spec: {
          ...current.spec,
          ...this.#spec(now),
          acquireTime: isMine ? (current.spec?.acquireTime ?? now) : now,
          leaseTransitions: isMine ? transitions : transitions + 1,
        },
      })
      this.#observe(updated)
      return true
    } catch (error) {
      this.#log.debug("the lease could not be taken or renewed", { error: errorMessage(error) })
      return false
    }
  }

  #spec(now: string): coordinationv1.LeaseSpec {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      renewTime: now,
    }
  }

  #observe(lease: coordinationv1.Lease): void {
    if (this.#observed?.metadata.resourceVersion !== lease.metadata.resourceVersion) {
      this.#observed = lease
      this.#observedAt = this.#options.clock.monotonic()
    }
    const leader = lease.spec?.holderIdentity ?? ""
    if (leader === this.#leader) return
    this.#leader = leader
    if (leader) this.#options.onNewLeader?.(leader)
  }

  async #release(): Promise<void> {
    if (this.#leader !== this.#options.identity || !this.#observed) return
    const now = formatMicroTime(this.#options.clock.now())
    const { spec } = this.#observed
    try {
      const released = await this.#options.client.resource(refs.leases).update({
        ...this.#observed,
        spec: { ...spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now },
      })
      this.#observe(released)
    } catch (error) {
      this.#log.debug("the lease could not be let go", { error: errorMessage(error) })
    }
  }
}
