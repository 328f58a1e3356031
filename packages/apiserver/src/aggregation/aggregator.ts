import { type KindDefinition, kindByGvk } from "@ladya/api"
import { newClient, type Transport } from "@ladya/client"
import { type Clock, errorMessage, type Logger } from "@ladya/util"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { Authorizer } from "../authorization/authorizer.ts"
import type { DiscoveryGroup } from "../discovery/index.ts"
import type { RemoteOpenApi } from "../openapi/merge.ts"
import type { Handler } from "../request.ts"
import type { ResourceTable } from "../resources.ts"
import type { ServiceDialer } from "../webhooks/service-dialer.ts"
import { ApiServices, type RemoteService } from "./api-services.ts"
import { AutoRegistration, registrationsOf } from "./auto-registration.ts"
import { AvailabilityController } from "./availability-controller.ts"
import { mergedGroups } from "./merged-groups.ts"
import type { Priority } from "./priorities.ts"
import { proxyTo } from "./proxy.ts"
import { RemoteDiscoveries } from "./remote-discovery.ts"
import { RemoteOpenApis } from "./remote-openapi.ts"
import { type FrontProxyCredentials, ServiceClients } from "./service-clients.ts"
import { AggregatedTransport } from "./transport.ts"

export interface AggregatorDeps {
  resources: ResourceTable
  /** Acts as the server itself. */
  loopback: Transport
  dial: ServiceDialer
  clock: Clock
  log: Logger
  /** Undefined: servers behind APIServices are shown no certificate. */
  credentials: FrontProxyCredentials | undefined
  /** Whether APIServices are made for what this server serves itself. */
  registersOwn: boolean
  /** The priorities of groups of this process that are neither built in nor defined, by `group/version`. */
  ownGroups: ReadonlyMap<string, Priority>
}

/** Makes one API of this server's groups and those that other servers serve behind APIServices. */
export class Aggregator {
  readonly #deps: AggregatorDeps
  readonly #services: ApiServices
  readonly #clients: ServiceClients
  readonly #availability: AvailabilityController
  readonly #registration: AutoRegistration
  readonly #discoveries: RemoteDiscoveries
  readonly #openApis: RemoteOpenApis
  #groups: { kinds: readonly KindDefinition[]; groups: readonly DiscoveryGroup[] } | undefined

  constructor(deps: AggregatorDeps) {
    this.#deps = deps
    const { resources, clock, log, loopback, dial, credentials } = deps
    const client = newClient(loopback)
    this.#services = new ApiServices(resources.storage("apiregistration.k8s.io", "apiservices"))
    this.#clients = new ServiceClients({ dial, credentials })
    const clients = this.#clients
    this.#discoveries = new RemoteDiscoveries({ clients, clock, changed: () => this.#forgetGroups() })
    this.#openApis = new RemoteOpenApis({ clients, clock })
    this.#availability = new AvailabilityController({
      services: this.#services,
      clients,
      client,
      storages: {
        services: resources.storage("", "services"),
        endpointSlices: resources.storage("discovery.k8s.io", "endpointslices"),
      },
      clock,
      log,
      onPassed: (name) => this.#refresh(name),
    })
    this.#registration = new AutoRegistration({
      services: this.#services,
      client,
      clock,
      log,
      desired: () => registrationsOf(resources.kinds(), (kind) => kindByGvk(kind) !== undefined, deps.ownGroups),
    })
    this.#services.onChange((name) => {
      this.#forgetGroups()
      if (this.#services.get(name)) return
      this.#clients.forget(name)
      this.#discoveries.forget(name)
      this.#openApis.forget(name)
    })
  }

  async start(): Promise<void> {
    await this.#services.start()
    if (!this.#deps.registersOwn) return
    this.#deps.resources.onChange(() => this.#registration.kindsChanged())
    this.#registration.start()
  }

  async stop(): Promise<void> {
    this.#availability.stop()
    this.#services.stop()
    await this.#registration.stop()
    this.#clients.close()
  }

  /** Every group that is served, here or elsewhere. A new array whenever that changes. */
  groups(): readonly DiscoveryGroup[] {
    const kinds = this.#deps.resources.kinds()
    if (this.#groups?.kinds !== kinds) {
      const groups = mergedGroups({
        kinds,
        find: (name) => this.#services.get(name),
        remotes: this.#services.remotes(),
        discoveryOf: (remote) => this.#discoveries.of(remote),
      })
      this.#groups = { kinds, groups }
    }
    return this.#groups.groups
  }

  /** What other servers say of their types. A new object whenever that changes. */
  openApi(): RemoteOpenApi {
    return this.#openApis.current()
  }

  /** Answers requests about group versions of other servers by asking them, all others by `next`. */
  handler(next: Handler): Handler {
    return (request) => {
      const remote = this.#services.hasRemotes ? this.#remoteOf(request.path) : undefined
      if (!remote) return next(request)
      return proxyTo(remote, () => this.#clients.clientOf(remote), request)
    }
  }

  /** What components in this process speak through: `inner`, and other servers where those serve. */
  transport(inner: Transport, authorizer: Authorizer, user: UserInfo): Transport {
    return new AggregatedTransport({
      inner,
      remoteOf: (group, version) => this.#services.remote(group, version),
      clientOf: (remote) => this.#clients.clientOf(remote),
      groups: () => this.groups(),
      authorizer,
      user,
    })
  }

  /** The server behind an API path; undefined when it is this one. */
  #remoteOf(path: string): RemoteService | undefined {
    const [, root, first = "", second = ""] = path.split("/", 4)
    if (root === "apis" && second) return this.#services.remote(first, second)
    return root === "api" && first ? this.#services.remote("", first) : undefined
  }

  #refresh(name: string): void {
    const remote = this.#services.remotes().find(({ object }) => object.metadata.name === name)
    if (!remote) return
    void this.#discoveries.refresh(remote)
    this.#openApis.refresh(remote).catch((error: unknown) => {
      this.#deps.log.debug("no API documents of another server", { apiService: name, error: errorMessage(error) })
    })
  }

  #forgetGroups(): void {
    this.#groups = undefined
  }
}
