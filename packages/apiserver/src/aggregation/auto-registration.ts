import { type KindDefinition, refs } from "@ladya/api"
import { deepCopy, isStatus, semanticEqual } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { type Clock, type Logger, SyncLoop } from "@ladya/util"
import type { APIService, ApiServices } from "./api-services.ts"
import { builtInPriority, customPriority, type Priority } from "./priorities.ts"

export const automanagedLabel = "kube-aggregator.kubernetes.io/automanaged"

/** `onstart`: brought in line once. `true`: kept in line. `absent`: only made when there is none. */
export type Management = "onstart" | "true" | "absent"

export interface Registration {
  group: string
  version: string
  priority: Priority
  management: Management
}

/** The group of APIServices themselves is served beside them. */
const unregistered = "apiregistration.k8s.io"

/** The APIServices of what this server serves itself. `priorityOf` tells those of groups that neither are built in nor defined. */
export function registrationsOf(
  kinds: readonly KindDefinition[],
  isBuiltIn: (kind: KindDefinition) => boolean,
  priorityOf: ReadonlyMap<string, Priority>,
): Map<string, Registration> {
  const wanted = new Map<string, Registration>()
  for (const kind of kinds) {
    const { group, version } = kind
    const name = `${version}.${group}`
    if (group === unregistered || wanted.has(name)) continue
    const own = priorityOf.get(`${group}/${version}`)
    if (own) wanted.set(name, { group, version, priority: own, management: "absent" })
    else if (isBuiltIn(kind)) {
      wanted.set(name, { group, version, priority: builtInPriority(group, version), management: "onstart" })
    } else wanted.set(name, { group, version, priority: customPriority, management: "true" })
  }
  return wanted
}

export type RegistrationAction =
  | { kind: "create"; object: APIService }
  | { kind: "update"; object: APIService }
  | { kind: "delete"; object: APIService }

const managementOf = (object: APIService | undefined): string | undefined => object?.metadata.labels?.[automanagedLabel]

export interface RegistrationState {
  current: APIService | undefined
  desired: Registration | undefined
  /** Whether it stood there when the server started. */
  wasThere: boolean
  /** Whether it was brought in line since the server started. */
  isSettled: boolean
}

/** What brings one APIService in line; nothing for those that others manage. */
export function planRegistration(state: RegistrationState): RegistrationAction | undefined {
  const { current, desired, wasThere, isSettled } = state
  if (desired && desired.management !== "true" && isSettled) return undefined
  if (!current) return desired && { kind: "create", object: objectOf(desired) }
  const management = managementOf(current)
  if (management !== "true" && management !== "onstart") return undefined
  if (management === "onstart" && (!wasThere || isSettled)) return undefined
  if (!desired) return { kind: "delete", object: current }
  if (desired.management === "absent") return undefined
  const { spec } = objectOf(desired)
  if (!spec || semanticEqual(current.spec, spec)) return undefined
  return { kind: "update", object: { ...deepCopy(current), spec } }
}

function objectOf({ group, version, priority, management }: Registration): APIService {
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: {
      name: `${version}.${group}`,
      ...(management === "absent" ? {} : { labels: { [automanagedLabel]: management } }),
    },
    spec: { group, version, groupPriorityMinimum: priority.group, versionPriority: priority.version },
  }
}

export interface AutoRegistrationDeps {
  services: ApiServices
  client: Client
  clock: Clock
  log: Logger
  desired(): ReadonlyMap<string, Registration>
}

/** Keeps an APIService for every group version that this server serves itself. */
export class AutoRegistration {
  readonly #deps: AutoRegistrationDeps
  readonly #loop: SyncLoop
  readonly #settled = new Set<string>()
  readonly #dirty = new Set<string>()
  #thereAtStart: ReadonlySet<string> = new Set()

  constructor(deps: AutoRegistrationDeps) {
    this.#deps = deps
    this.#loop = new SyncLoop({
      name: "API service registration",
      clock: deps.clock,
      log: deps.log,
      sync: () => this.#sync(),
    })
    deps.services.onChange((name) => {
      this.#dirty.add(name)
      this.#loop.trigger()
    })
  }

  /** Begins; nobody waits for it. The APIServices must be known. */
  start(): void {
    this.#thereAtStart = new Set(this.#deps.services.all().map(({ metadata }) => metadata.name ?? ""))
    for (const name of this.#thereAtStart) this.#dirty.add(name)
    this.kindsChanged()
    this.#loop.start()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  /** What is served is not what it was. */
  kindsChanged(): void {
    for (const name of this.#deps.desired().keys()) this.#dirty.add(name)
    for (const { metadata } of this.#deps.services.all()) {
      if (metadata.labels?.[automanagedLabel]) this.#dirty.add(metadata.name ?? "")
    }
    this.#loop.trigger()
  }

  async #sync(): Promise<void> {
    const names = [...this.#dirty]
    const desired = this.#deps.desired()
    const outcomes = await Promise.allSettled(
      names.map(async (name) => {
        this.#dirty.delete(name)
        try {
          await this.#apply(name, desired.get(name))
          this.#settled.add(name)
        } catch (error) {
          this.#dirty.add(name)
          throw error
        }
      }),
    )
    const failed = outcomes.find((outcome) => outcome.status === "rejected")
    if (failed) throw failed.reason
  }

  async #apply(name: string, desired: Registration | undefined): Promise<void> {
    const action = planRegistration({
      current: this.#deps.services.get(name),
      desired,
      wasThere: this.#thereAtStart.has(name),
      isSettled: this.#settled.has(name),
    })
    if (!action) return
    const resource = this.#deps.client.resource(refs.apiservices)
    const { uid } = action.object.metadata
    switch (action.kind) {
      case "create":
        await resource.create(action.object).catch(unless("AlreadyExists"))
        return
      case "update":
        await resource.update(action.object).catch(unless("NotFound"))
        return
      case "delete":
        await resource.delete(name, uid ? { preconditions: { uid } } : {}).catch(unless("NotFound"))
    }
  }
}

const unless = (reason: "AlreadyExists" | "NotFound") => (error: unknown) => {
  if (!isStatus(error, reason)) throw error
}
