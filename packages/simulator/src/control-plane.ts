import { createHash, generateKeyPairSync } from "node:crypto"
import { newApiServer, newSecurity } from "@ladya/apiserver"
import { type ApiCall, type Client, newClient, type Transport, type WatchCall } from "@ladya/client"
import { newControllers } from "@ladya/controllers"
import { newScheduler } from "@ladya/scheduler"
import { newMemoryStore } from "@ladya/store"
import { type Clock, type Component, ComponentGroup, type Logger, MetricsRegistry, newRandom } from "@ladya/util"

const admin = { name: "simulator", groups: ["system:masters", "system:authenticated"] }

/** Counts what is written, and folds it into one number that two equal runs share. */
export class Trace {
  readonly #hash = createHash("sha256")
  readonly #clock: Clock
  readonly writes = new Map<string, number>()
  total = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  record(call: ApiCall): void {
    if (call.verb === "get" || call.verb === "list") return
    this.total++
    const subresource = "subresource" in call && call.subresource ? `/${call.subresource}` : ""
    const what = `${call.verb} ${call.target.resource}${subresource}`
    this.writes.set(what, (this.writes.get(what) ?? 0) + 1)
    const name = "name" in call ? call.name : ""
    this.#hash.update(`${this.#clock.monotonic()} ${what} ${call.namespace}/${name}\n`)
  }

  get fingerprint(): string {
    return this.#hash.copy().digest("hex").slice(0, 16)
  }
}

class TracedTransport implements Transport {
  readonly #inner: Transport
  readonly #trace: Trace

  constructor(inner: Transport, trace: Trace) {
    this.#inner = inner
    this.#trace = trace
  }

  call(call: ApiCall, signal?: AbortSignal): ReturnType<Transport["call"]> {
    this.#trace.record(call)
    return this.#inner.call(call, signal)
  }

  watch(call: WatchCall, signal: AbortSignal): ReturnType<Transport["watch"]> {
    return this.#inner.watch(call, signal)
  }
}

// Keys take long to make and sign nothing that a simulation shows: all runs of a process share one.
let keys:
  | {
      serviceAccountKey: ReturnType<typeof newKeys>["privateKey"]
      serviceAccountPublicKeys: [ReturnType<typeof newKeys>["publicKey"]]
    }
  | undefined
const newKeys = () => generateKeyPairSync("ec", { namedCurve: "P-256" })

function sharedKeys(): NonNullable<typeof keys> {
  if (!keys) {
    const { privateKey, publicKey } = newKeys()
    keys = { serviceAccountKey: privateKey, serviceAccountPublicKeys: [publicKey] }
  }
  return keys
}

/** A control plane on the memory store: the API server, all controllers and the scheduler that a real one runs. */
export function newControlPlane(deps: { clock: Clock; log: Logger; seed: number; trace: Trace }): {
  component: Component
  client: Client
} {
  const { clock, log, seed, trace } = deps
  const random = newRandom(seed)
  const store = newMemoryStore({ clock })
  const metrics = new MetricsRegistry()
  // Nobody comes from outside, so that there are no certificates to trust.
  const pki = { ...sharedKeys(), caCertificate: "", frontProxyCaCertificate: "" }
  const security = newSecurity({ pki, clock, log, random })
  const server = newApiServer({
    ...{ store, clock, log, random, metrics },
    newUid: newUids(seed),
    config: (internals) => security.configure(internals),
  })
  const clientOf = (name: string, ...groups: string[]): Client =>
    newClient(new TracedTransport(server.transport({ name, groups: [...groups, "system:authenticated"] }), trace))
  const accounts = ["system:serviceaccounts", "system:serviceaccounts:kube-system"]
  const controllers = newControllers({
    ...{ clock, log, random, metrics },
    client: clientOf("system:kube-controller-manager"),
    clientFor: (account) => clientOf(`system:serviceaccount:kube-system:${account}`, ...accounts),
  })
  const scheduler = newScheduler({ ...{ clock, log, random, metrics }, client: clientOf("system:kube-scheduler") })
  const closing: Component = { name: "store", start: async () => undefined, stop: () => store.close() }
  return {
    component: new ComponentGroup("control-plane", [closing, server, security, controllers, scheduler], log),
    client: newClient(new TracedTransport(server.transport(admin), trace)),
  }
}

/** UUIDs out of a seed. */
function newUids(seed: number): () => string {
  const random = newRandom(seed ^ 0x5bd1e995)
  const part = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("")
  return () => `${part(8)}-${part(4)}-4${part(3)}-a${part(3)}-${part(12)}`
}
