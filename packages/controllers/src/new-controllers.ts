import { type Client, type InformerFactory, newEventRecorder, newInformerFactory } from "@ladya/client"
import { type Clock, type Component, ComponentGroup, type Logger, type MetricsRegistry, type Random } from "@ladya/util"
import { type ControllersConfig, controllersConfig } from "./config.ts"
import type { ControllerContext } from "./context.ts"
import { controllers } from "./list.ts"
import { newResourceCatalog } from "./shared/catalog.ts"

export interface ControllersOptions {
  /** Watches in the name of all controllers. */
  client: Client
  /** A client in the name of a service account in `kube-system`, as `deployment-controller`; `client` unless told. */
  clientFor?(account: string): Client
  /** Shared with others in the process; of their own unless told. Then who made it starts and stops it. */
  informers?: InformerFactory
  clock: Clock
  log: Logger
  random: Random
  metrics: MetricsRegistry
  config?: Partial<ControllersConfig>
  /** The names of those to run; all unless told. */
  only?: readonly string[]
}

/** All controllers of the cluster as one component. */
export function newControllers(options: ControllersOptions): Component {
  const { client, clock, log, random, metrics } = options
  const informers = options.informers ?? newInformerFactory({ client, clock, log, random })
  const catalog = newResourceCatalog(informers, client)
  const config = controllersConfig(options.config)
  const wanted = controllers.filter(({ name }) => options.only?.includes(name) ?? true)
  const unknown = (options.only ?? []).filter((name) => !controllers.some((one) => one.name === name))
  if (unknown.length > 0) throw new Error(`no such controller: ${unknown.join(", ")}`)
  const recorders: Component[] = []
  const created = wanted.map(({ name, account, eventSource, create }) => {
    const own = (account && options.clientFor?.(account)) || client
    const component = eventSource ?? `${name}-controller`
    const recorder = newEventRecorder({ client: own, component, clock, log, random })
    recorders.push(recorder)
    const context: ControllerContext = {
      client: own,
      informers,
      recorder,
      catalog,
      clock,
      log: log.child({ controller: name }),
      random,
      metrics,
      config,
    }
    return create(context)
  })
  // Handlers are in place before the first list comes in, and events are sent until the last controller has stopped.
  return new ComponentGroup("controllers", [...(options.informers ? [] : [informers]), ...recorders, ...created], log)
}
