import { randomUUID } from "node:crypto"
import { setMaxListeners } from "node:events"
import type { AddressInfo } from "node:net"
import { kindByResource, kinds } from "@ladya/api"
import { newClient, type Transport } from "@ladya/client"
import type { Store } from "@ladya/store"
import type { Clock, Component, Logger, MetricsRegistry, Random, Timer } from "@ladya/util"
import { Aggregator } from "./aggregation/index.ts"
import type { UserInfo } from "./authentication/authenticator.ts"
import type { Authorizer } from "./authorization/authorizer.ts"
import { newAuthorizerChain } from "./authorization/chain.ts"
import { type ApiServerConfig, defaultConfig } from "./config.ts"
import { CustomResources } from "./custom-resources/definitions.ts"
import { discoveryPaths, newDiscoveryHandler } from "./discovery/index.ts"
import { applyFilters, filterChain } from "./filters/index.ts"
import type { Engine, WriteHooks } from "./handlers/operation.ts"
import { newRestHandler } from "./handlers/rest.ts"
import { componentStatuses } from "./handlers/server/component-statuses.ts"
import { type HealthCheck, newHealthHandler } from "./handlers/server/health.ts"
import { newVersionHandler, versionInfo } from "./handlers/server/version.ts"
import { builtInSubresources } from "./handlers/subresources/index.ts"
import {
  type MetricsApi,
  metricsGroup,
  metricsTypes,
  metricsVersion,
  newMetricsApi,
  nodeMetricsKind,
  podMetricsKind,
} from "./metrics-api/index.ts"
import { newOpenApiHandler } from "./openapi/index.ts"
import type { Handler } from "./request.ts"
import { ResourceTable } from "./resources.ts"
import { newIndexHandler, newRouter, type Route } from "./routes.ts"
import { HttpServer } from "./server/http-server.ts"
import { InProcessTransport } from "./server/in-process.ts"
import { newAddressClaims, newPortClaims } from "./services/claims.ts"
import { ServiceAllocator } from "./services/service-allocator.ts"
import { ServiceRepair } from "./services/service-repair.ts"
import { Compactor } from "./storage/compactor.ts"
import { StoreFeed } from "./storage/store-feed.ts"
import { NodeDialer, newStoredLookup, newStreaming, type StreamingLookup } from "./streaming/index.ts"
import { newWebhookCaller, type WebhookCaller } from "./webhooks/caller.ts"
import { newServiceDialer } from "./webhooks/service-dialer.ts"

export interface ApiServerDeps {
  store: Store
  clock: Clock
  log: Logger
  random: Random
  /** Makes UIDs of objects; random ones unless told. A simulation gives its own, so that runs can be repeated. */
  newUid?: () => string
  metrics: MetricsRegistry
  config: Partial<ApiServerConfig> | ((server: ApiServerInternals) => Partial<ApiServerConfig>)
}

/** What parts of the configuration (an RBAC authorizer, an admission plugin) are built upon. */
export interface ApiServerInternals {
  /** Speaks to this server as itself: nothing is refused. */
  loopback: Transport
  resources: ResourceTable
  store: Store
  /** Speaks to webhooks. */
  webhooks: WebhookCaller
  metrics: MetricsRegistry
}

export interface ApiServer extends Component {
  /** The in-process way to this server, with the rights of this user. */
  transport(user: UserInfo): Transport
  /** Where it listens; after start. */
  addresses(): readonly AddressInfo[]
  /** Answers a request that came without a socket: filters, handlers and all. */
  readonly handler: Handler
}

const allowSelf: Authorizer = { name: "self", authorize: () => ({ allowed: true, reason: "" }) }
const self: UserInfo = { name: "system:apiserver", groups: ["system:masters", "system:authenticated"] }

/** Bytes and indexes that were not used between two such moments are let go. */
const trimEveryMs = 60_000

/** A Kubernetes API server on a store. */
export function newApiServer(deps: ApiServerDeps): ApiServer {
  return new Server(deps)
}

class Server implements ApiServer {
  readonly name = "apiserver"
  readonly handler: Handler
  readonly #deps: ApiServerDeps
  readonly #config: ApiServerConfig
  readonly #engine: Engine
  readonly #feed: StoreFeed
  readonly #compactor: Compactor
  readonly #repair: ServiceRepair
  readonly #customResources: CustomResources
  readonly #stopping = new AbortController()
  #servers: HttpServer[] = []
  #addresses: AddressInfo[] = []
  readonly #lookup: StreamingLookup
  readonly #webhooks: WebhookCaller
  #dialer: NodeDialer | undefined
  readonly #aggregator: Aggregator
  readonly #metricsApi: MetricsApi | undefined
  readonly #authorizer: Authorizer
  #isStarted = false
  #trimTimer: Timer | undefined

  constructor(deps: ApiServerDeps) {
    this.#deps = deps
    const { store, clock, log, random } = deps
    setMaxListeners(0, this.#stopping.signal)
    this.#feed = new StoreFeed({ store, clock, log })
    const resources = new ResourceTable({ store, feed: this.#feed, clock })
    for (const kind of kinds) {
      const stored = kindByResource({ ...kind.storage })
      resources.add(kind, stored ?? kind)
    }
    const hooks = new Map<string, WriteHooks>()
    const newUid = deps.newUid ?? randomUUID
    const engine: Engine = { clock, log, random, newUid, resources, admission: [], hooks }
    const special = builtInSubresources(kinds)
    special.set("/componentstatuses", componentStatuses(this.#components()))
    const loopback = new InProcessTransport(
      {
        engine,
        store,
        special,
        stopping: this.#stopping.signal,
        authorizer: allowSelf,
      },
      self,
    )
    this.#lookup = newStoredLookup(resources)
    const dialService = newServiceDialer({ lookup: this.#lookup, random, dialer: () => this.#dialer })
    this.#webhooks = newWebhookCaller({ clock, dialService })
    this.#customResources = new CustomResources({ clock, log, resources, loopback, special, webhooks: this.#webhooks })
    const inside: ApiServerInternals = { loopback, resources, store, webhooks: this.#webhooks, metrics: deps.metrics }
    const given = typeof deps.config === "function" ? deps.config(inside) : deps.config
    this.#config = { ...defaultConfig, ...given }
    for (const [key, value] of this.#config.special) special.set(key, value)
    engine.admission = this.#config.admission
    this.#engine = engine
    const { serviceCidr, nodePorts } = this.#config
    const numbers = {
      ...{ services: resources.storage("", "services"), serviceCidr, nodePorts, random, log },
      ...{ addressClaims: newAddressClaims(newClient(loopback)), portClaims: newPortClaims(store) },
    }
    hooks.set("/services", new ServiceAllocator(numbers))
    this.#repair = new ServiceRepair({
      ...{ ...numbers, store, clock, client: newClient(loopback) },
      addresses: resources.storage("networking.k8s.io", "ipaddresses"),
    })
    this.#authorizer = newAuthorizerChain(this.#config.authorizers)
    engine.authorizer = this.#authorizer
    this.#config = { ...this.#config, special }
    const { kubelet, frontProxy } = this.#config
    this.#dialer = kubelet && new NodeDialer(kubelet)
    this.#aggregator = new Aggregator({
      ...{ clock, log, resources, loopback },
      dial: dialService,
      credentials: frontProxy,
      registersOwn: frontProxy !== undefined,
      ownGroups: new Map([[`${metricsGroup}/${metricsVersion}`, { group: 100, version: 100 }]]),
    })
    if (this.#dialer) {
      this.#metricsApi = newMetricsApi({ resources, dialer: this.#dialer, clock, log })
      for (const [key, value] of this.#metricsApi.special) special.set(key, value)
      resources.addCustom(metricsGroup, [nodeMetricsKind, podMetricsKind], nodeMetricsKind, metricsTypes)
    }
    this.#compactor = new Compactor({ store, clock, log, keepMs: this.#config.compactAfterMs })
    this.handler = this.#newHandler()
  }

  async start(): Promise<void> {
    await this.#feed.start()
    await this.#customResources.start()
    await this.#aggregator.start()
    this.#compactor.start()
    this.#repair.start()
    this.#scheduleTrim()
    const { listen, tls } = this.#config
    for (const { host, port } of listen) {
      if (!tls) throw new Error("an API server that listens needs a certificate")
      const server = new HttpServer({ handler: this.handler, log: this.#deps.log, tls })
      this.#servers.push(server)
      const address = await server.listen(port, host)
      this.#addresses.push(address)
      this.#deps.log.info("listening", { address: address.address, port: address.port })
    }
    this.#isStarted = true
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping.abort()
    this.#compactor.stop()
    this.#repair.stop()
    this.#customResources.stop()
    const aggregatorStopped = this.#aggregator.stop()
    this.#trimTimer?.cancel()
    await Promise.all(this.#servers.map((server) => server.stop(signal)))
    this.#webhooks.close()
    await aggregatorStopped
    this.#metricsApi?.stop()
    this.#dialer?.close()
    this.#feed.stop()
  }

  #scheduleTrim(): void {
    const trim = (): void => {
      for (const storage of this.#engine.resources.storages()) storage.cache.trim()
      this.#scheduleTrim()
    }
    this.#trimTimer = this.#deps.clock.setTimeout(trim, trimEveryMs, { unref: true })
  }

  addresses(): readonly AddressInfo[] {
    return this.#addresses
  }

  transport(user: UserInfo): Transport {
    const { special } = this.#config
    const authorizer = this.#authorizer
    const own = new InProcessTransport(
      { engine: this.#engine, store: this.#deps.store, authorizer, special, stopping: this.#stopping.signal },
      user,
    )
    return this.#aggregator.transport(own, authorizer, user)
  }

  #newHandler(): Handler {
    const { clock, log, metrics, store } = this.#deps
    const config = this.#config
    const rest = newRestHandler({
      engine: this.#engine,
      store,
      stopping: this.#stopping.signal,
      special: config.special,
      raw: new Map([...this.#streamingHandlers(), ...config.raw]),
    })
    const routes: Route[] = [...this.#systemRoutes(), ...config.routes]
    routes.push({
      path: "/",
      handler: newIndexHandler(() => [
        ...routes.map((route) => route.path),
        ...discoveryPaths(this.#aggregator.groups()),
      ]),
    })
    const filters = filterChain({
      clock,
      log,
      metrics,
      authenticators: config.authenticators,
      authorizer: this.#authorizer,
      anonymous: config.anonymous,
      requestTimeoutMs: config.requestTimeoutMs,
      flowControl: config.flowControl,
      ...(config.audit ? { audit: config.audit } : {}),
    })
    return applyFilters(filters, this.#aggregator.handler(newRouter(routes, rest)))
  }

  /** The parts that a control plane is known by; scheduler and controllers live in this process. */
  #components(): HealthCheck[] {
    const inProcess = () => undefined
    return [
      { name: "scheduler", check: inProcess },
      { name: "controller-manager", check: inProcess },
      { name: "etcd-0", check: async () => void (await this.#deps.store.currentRevision()) },
    ]
  }

  #systemRoutes(): Route[] {
    const ping: HealthCheck = { name: "ping", check: () => undefined }
    const storeCheck: HealthCheck = { name: "etcd", check: async () => void (await this.#deps.store.currentRevision()) }
    const started: HealthCheck = {
      name: "poststarthook/start-apiserver",
      check: () => {
        if (!this.#isStarted) throw new Error("not finished")
      },
    }
    const shutdown: HealthCheck = {
      name: "shutdown",
      check: () => {
        if (this.#stopping.signal.aborted) throw new Error("process is shutting down")
      },
    }
    const more = this.#config.healthChecks
    const live = () => [ping, storeCheck, started, ...more]
    const ready = () => [ping, storeCheck, started, ...more, shutdown]
    const { metrics } = this.#deps
    const metricsHandler: Handler = async () => ({
      status: 200,
      headers: { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" },
      body: Buffer.from(metrics.render()),
    })
    const discovery = newDiscoveryHandler({
      groups: () => this.#aggregator.groups(),
      serverAddress: this.#config.advertiseAddress,
    })
    const discover: Handler = async (request) => discovery(request)
    const openApi = newOpenApiHandler({
      remote: () => this.#aggregator.openApi(),
      kinds: () => this.#engine.resources.kinds(),
      schemas: this.#engine.resources.schemas,
      typeNames: () => this.#engine.resources.typeNames(),
      version: versionInfo.gitVersion,
    })
    const describe: Handler = async (request) => openApi(request)
    return [
      { path: "/openapi/v2", handler: describe },
      { path: "/openapi/v3", isPrefix: true, handler: describe },
      { path: "/api", isPrefix: true, handler: discover },
      { path: "/apis", isPrefix: true, handler: discover },
      { path: "/healthz", isPrefix: true, handler: newHealthHandler("healthz", live) },
      { path: "/livez", isPrefix: true, handler: newHealthHandler("livez", live) },
      { path: "/readyz", isPrefix: true, handler: newHealthHandler("readyz", ready) },
      { path: "/version", handler: newVersionHandler(this.#config.gitCommit ?? "") },
      { path: "/metrics", handler: metricsHandler },
    ]
  }

  #streamingHandlers(): Map<string, Handler> {
    const dialer = this.#dialer
    if (!dialer) return new Map()
    const streaming = newStreaming({ lookup: this.#lookup, dialer, random: this.#deps.random })
    return new Map([
      ["/pods/log", streaming.log],
      ["/pods/exec", streaming.exec],
      ["/pods/attach", streaming.attach],
      ["/pods/portforward", streaming.portForward],
      ["/pods/proxy", streaming.podProxy],
      ["/services/proxy", streaming.serviceProxy],
      ["/nodes/proxy", streaming.nodeProxy],
    ])
  }
}
