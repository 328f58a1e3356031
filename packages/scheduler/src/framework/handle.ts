import type { Client } from "@ladya/client"
import type { Clock, Logger } from "@ladya/util"
import type { NamespaceLabels } from "../cache/affinity-terms.ts"
import type { ClusterCache } from "../cache/cluster-cache.ts"
import type { SchedulerConfig } from "../config.ts"
import type { DeviceView } from "../devices/view.ts"
import type { StorageView } from "../storage/view.ts"
import type { Plugin } from "./plugin.ts"

/** What a plugin may use. */
export interface PluginHandle {
  readonly cache: ClusterCache
  readonly client: Client
  readonly clock: Clock
  readonly log: Logger
  readonly config: SchedulerConfig
  readonly namespaceLabels: NamespaceLabels
  readonly storage: StorageView
  readonly devices: DeviceView
  /** What the profile says of a plugin (its pluginConfig); empty when nothing. */
  args(plugin: string): Readonly<Record<string, unknown>>
}

/** One entry of the list of plugins. */
export interface PluginDefinition {
  readonly name: string
  /** How much its score counts. */
  readonly weight?: number
  create(handle: PluginHandle): Plugin
}
