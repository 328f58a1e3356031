import type { Client, EventRecorder, InformerFactory } from "@ladya/client"
import type { Clock, Component, Logger, MetricsRegistry, Random } from "@ladya/util"
import type { ControllersConfig } from "./config.ts"
import type { ResourceCatalog } from "./shared/catalog.ts"

/** What a controller gets. */
export interface ControllerContext {
  /** Acts in the name of this controller. */
  client: Client
  /** Shared by all controllers. */
  informers: InformerFactory
  /** Events come from this controller. */
  recorder: EventRecorder
  /** All resources that are served, those of CustomResourceDefinitions included. */
  catalog: ResourceCatalog
  clock: Clock
  log: Logger
  random: Random
  metrics: MetricsRegistry
  config: ControllersConfig
}

/** One entry in the list of controllers. */
export interface ControllerDefinition {
  name: string
  /** The service account in `kube-system` in whose name it acts; in that of all controllers when absent. */
  account?: string
  /** The component that events name; `<name>-controller` unless told. */
  eventSource?: string
  create(context: ControllerContext): Component
}
