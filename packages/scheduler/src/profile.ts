import { refs } from "@ladya/api"
import { type Client, type EventRecorder, type InformerFactory, newEventRecorder } from "@ladya/client"
import type { Clock, Logger, Random } from "@ladya/util"
import type { ClusterCache } from "./cache/cluster-cache.ts"
import type { SchedulerConfig } from "./config.ts"
import { assemble } from "./configuration/assemble.ts"
import type { Profile } from "./configuration/configuration.ts"
import type { DeviceView } from "./devices/view.ts"
import { Framework } from "./framework/framework.ts"
import type { PluginDefinition, PluginHandle } from "./framework/handle.ts"
import type { Nominator } from "./nominator.ts"
import { newDefaultPreemption } from "./plugins/default-preemption/index.ts"
import { SchedulingCycle } from "./scheduling-cycle.ts"
import type { StorageView } from "./storage/view.ts"

/** One way of scheduling, ready to run: the pods that name it go through its plugins. */
export interface RunningProfile {
  readonly schedulerName: string
  readonly framework: Framework
  readonly cycle: SchedulingCycle
  readonly recorder: EventRecorder
}

export interface ProfileDeps {
  client: Client
  clock: Clock
  log: Logger
  random: Random
  informers: InformerFactory
  cache: ClusterCache
  nominator: Nominator
  storage: StorageView
  devices: DeviceView
  config: SchedulerConfig
  plugins: readonly PluginDefinition[]
  /** Resources that extenders look after themselves. */
  ignoredResources: readonly string[]
}

export const schedulerOf = ({ spec }: { spec?: { schedulerName?: string } }): string =>
  spec?.schedulerName || "default-scheduler"

/** Throws an Error that names the plugin when its arguments are wrong. */
export function newRunningProfile(deps: ProfileDeps, profile: Profile): RunningProfile {
  const { client, clock, log, random, cache, nominator, informers } = deps
  const { schedulerName, percentageOfNodesToScore } = profile
  const config = {
    ...deps.config,
    schedulerName,
    ...(percentageOfNodesToScore === undefined ? {} : { percentageOfNodesToScore }),
  }
  const recorder = newEventRecorder({ client, component: schedulerName, clock, log, random })
  const namespaces = informers.informer(refs.namespaces)
  const budgets = informers.informer(refs.poddisruptionbudgets)
  const handle: PluginHandle = {
    cache,
    client,
    clock,
    log,
    config,
    namespaceLabels: (name) => namespaces.get(name)?.metadata.labels,
    storage: deps.storage,
    devices: deps.devices,
    args: (plugin) => argumentsOf(profile, plugin, deps.ignoredResources),
  }
  const preemption = newDefaultPreemption(handle, {
    framework: () => framework,
    nominator,
    budgets: () => budgets.list(),
    recorder,
    random,
  })
  const available = [
    ...deps.plugins.map(({ create, weight }) => ({ plugin: create(handle), weight: weight ?? 1 })),
    { plugin: preemption, weight: 1 },
  ]
  const framework: Framework = new Framework(assemble(profile, available))
  const cycle = new SchedulingCycle({ framework, nodes: cache, nominations: nominator, config, random })
  return { schedulerName, framework, cycle, recorder }
}

function argumentsOf(profile: Profile, plugin: string, ignored: readonly string[]): Readonly<Record<string, unknown>> {
  const args = profile.args[plugin] ?? {}
  if (plugin !== "NodeResourcesFit" || ignored.length === 0) return args
  const own = (args["ignoredResources"] as readonly string[] | undefined) ?? []
  return { ...args, ignoredResources: [...own, ...ignored] }
}
