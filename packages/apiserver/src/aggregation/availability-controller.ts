import { type corev1, type discoveryv1, refs, serviceNameLabel } from "@ladya/api"
import { deepCopy, isStatus } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { Backoff, type Clock, errorMessage, type Logger, type Timer, timeoutSignal } from "@ladya/util"
import type { ResourceStorage } from "../storage/resource-storage.ts"
import type { APIService, ApiServices, RemoteService } from "./api-services.ts"
import { remoteOf } from "./api-services.ts"
import { failedDiscoveryCheck, judgeService, local, passed, planAvailability, type Verdict } from "./availability.ts"
import { frontProxyHeaders } from "./front-proxy-headers.ts"
import type { ServiceClient } from "./service-client.ts"

/** What is well is looked at again after this; upstream's resync. */
const recheckMs = 30_000
const attempts = 5
const answerWithinMs = 5000
/** The identity of the checks. Its groups make every server let them in. */
const checker = { name: "system:kube-aggregator", groups: ["system:masters"] }

export interface AvailabilityDeps {
  services: ApiServices
  clients: { clientOf(remote: RemoteService): ServiceClient }
  /** Acts as the server itself. */
  client: Client
  storages: { services: ResourceStorage; endpointSlices: ResourceStorage }
  clock: Clock
  log: Logger
  /** Called when a check of this APIService has said that it is well. */
  onPassed(name: string): void
}

/** Keeps the condition `Available` of every APIService true to what is. */
export class AvailabilityController {
  readonly #deps: AvailabilityDeps
  readonly #backoff: Backoff
  readonly #timers = new Map<string, Timer>()
  readonly #running = new Set<string>()
  readonly #again = new Set<string>()
  readonly #stopping = new AbortController()
  #unsubscribe: (() => void) | undefined

  constructor(deps: AvailabilityDeps) {
    this.#deps = deps
    this.#backoff = new Backoff(deps.clock, { initialMs: 100, maxMs: recheckMs })
    deps.services.onChange((name) => this.#check(name))
  }

  stop(): void {
    this.#stopping.abort(new Error("stopped"))
    this.#unsubscribe?.()
    for (const timer of this.#timers.values()) timer.cancel()
  }

  #check(name: string): void {
    if (this.#stopping.signal.aborted) return
    this.#timers.get(name)?.cancel()
    this.#timers.delete(name)
    const object = this.#deps.services.get(name)
    if (!object) {
      this.#backoff.reset(name)
      return
    }
    if (remoteOf(object)) this.#followServices()
    if (this.#running.has(name)) {
      this.#again.add(name)
      return
    }
    this.#running.add(name)
    void this.#sync(name)
      .then((isWell) => isWell ?? true)
      .catch((error: unknown) => {
        if (!isStatus(error, "Conflict") && !isStatus(error, "NotFound")) {
          this.#deps.log.warn("availability not written", { apiService: name, error: errorMessage(error) })
        }
        return false
      })
      .then((isWell) => {
        this.#running.delete(name)
        if (this.#again.delete(name)) this.#check(name)
        else this.#checkLater(name, isWell)
      })
  }

  #checkLater(name: string, isWell: boolean): void {
    const object = this.#deps.services.get(name)
    if (this.#stopping.signal.aborted || !object) return
    if (isWell) this.#backoff.reset(name)
    if (isWell && !remoteOf(object)) return
    const delayMs = isWell ? recheckMs : this.#backoff.next(name)
    this.#timers.get(name)?.cancel()
    this.#timers.set(
      name,
      this.#deps.clock.setTimeout(() => this.#check(name), delayMs, { unref: true }),
    )
  }

  /** Whether it is available; undefined when it is gone. */
  async #sync(name: string): Promise<boolean | undefined> {
    const object = this.#deps.services.get(name)
    if (!object) return undefined
    const remote = remoteOf(object)
    const verdict = remote ? await this.#judge(remote) : local
    if (this.#stopping.signal.aborted) return undefined
    const current = this.#deps.services.get(name)
    if (!current || current.metadata.uid !== object.metadata.uid) return undefined
    await this.#write(current, verdict)
    const isWell = verdict.status === "True"
    if (isWell && remote) this.#deps.onPassed(name)
    return isWell
  }

  async #write(object: APIService, verdict: Verdict): Promise<void> {
    const status = planAvailability(object.status, verdict, this.#deps.clock.now())
    if (!status) return
    await this.#deps.client.resource(refs.apiservices).updateStatus({ ...deepCopy(object), status })
  }

  async #judge(remote: RemoteService): Promise<Verdict> {
    const { services, endpointSlices } = this.#deps.storages
    const { namespace, name } = remote.target
    const service = (await services.get(services.keyOf(namespace, name)))?.object as corev1.Service | undefined
    await endpointSlices.fresh()
    const slices: discoveryv1.EndpointSlice[] = []
    for (const { object } of endpointSlices.cache.scan({ namespace, name: undefined })) {
      if (object.metadata.labels?.[serviceNameLabel] === name) slices.push(object as discoveryv1.EndpointSlice)
    }
    const wrong = judgeService(remote, { service, endpointSlices: slices })
    if (wrong) return wrong
    try {
      // One good answer suffices: another replica may be starting.
      await this.#askDiscovery(remote).catch((error: unknown) => {
        if (this.#stopping.signal.aborted) throw error
        return Promise.any(Array.from({ length: attempts - 1 }, () => this.#askDiscovery(remote)))
      })
      return passed
    } catch (error) {
      const last = error instanceof AggregateError ? error.errors.at(-1) : error
      return failedDiscoveryCheck(errorMessage(last))
    }
  }

  async #askDiscovery(remote: RemoteService): Promise<void> {
    const { group, version, target } = remote
    const path = group ? `/apis/${group}/${version}` : `/api/${version}`
    const url = `https://${target.name}.${target.namespace}.svc:${target.port}${path}`
    const timeout = timeoutSignal(this.#deps.clock, answerWithinMs, this.#stopping.signal)
    try {
      const answer = await this.#deps.clients.clientOf(remote).request({
        method: "GET",
        path,
        headers: { accept: "application/json", ...frontProxyHeaders(checker) },
        signal: timeout.signal,
      })
      answer.resume()
      const code = answer.statusCode ?? 0
      if (code < 200 || code >= 300) throw new Error(`bad status from ${url}: ${code}`)
    } catch (error) {
      if (timeout.signal.aborted) throw new Error(`timed out waiting for ${url}`, { cause: error })
      throw new Error(`failing or missing response from ${url}: ${errorMessage(error)}`, { cause: error })
    } finally {
      timeout.clear()
    }
  }

  /** Changes of Services matter once there is an APIService that has one. */
  #followServices(): void {
    if (this.#unsubscribe) return
    const { services, endpointSlices } = this.#deps.storages
    const none = (): void => undefined
    const changed = (namespace: string | undefined, service: string | undefined): void => {
      for (const { object, target } of this.#deps.services.remotes()) {
        if (target.namespace === namespace && target.name === service) this.#check(object.metadata.name ?? "")
      }
    }
    const ends = [
      services.cache.subscribe((events) => {
        for (const { entry } of events) changed(...splitKey(entry.key))
      }, none),
      endpointSlices.cache.subscribe((events) => {
        for (const { entry } of events)
          changed(splitKey(entry.key)[0], entry.object.metadata.labels?.[serviceNameLabel])
      }, none),
    ]
    this.#unsubscribe = () => {
      for (const end of ends) end()
    }
  }
}

function splitKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf("/")
  return [key.slice(0, slash), key.slice(slash + 1)]
}
