import type { Client } from "@ladya/client"
import type { Clock, Logger, MetricsRegistry } from "@ladya/util"
import { newAuthenticator } from "./access/authentication.ts"
import { newAuthorizer } from "./access/authorization.ts"
import { addKubeletMetrics } from "./kubelet-metrics.ts"
import { type KubeletServer, type KubeletServerDeps, newKubeletServer } from "./kubelet-server.ts"
import { newRoutes } from "./routes.ts"
import { newCgroupReader } from "./stats/cgroup.ts"
import { newStatsSampler } from "./stats/sampler.ts"
import type { StreamingRuntime } from "./streaming.ts"
import type { PodSource } from "./types.ts"

export interface ServerDeps {
  client: Client
  pods: PodSource
  runtime: StreamingRuntime
  metrics: MetricsRegistry
  clock: Clock
  log: Logger
  nodeName: string
  /** The agent's data directory. */
  dataDirectory: string
  config: KubeletServerDeps["config"]
}

/** The kubelet's server with all it stands on. */
export function newServer(deps: ServerDeps): KubeletServer {
  const { client, clock, log, nodeName } = deps
  addKubeletMetrics(deps.metrics, { pods: deps.pods, clock, nodeName })
  const sampler = newStatsSampler({ pods: deps.pods, cgroups: newCgroupReader(), clock })
  const routes = newRoutes({ ...deps, sampler, bootTimeMs: clock.now() })
  return newKubeletServer({
    authenticate: newAuthenticator({ client, clock }),
    authorize: newAuthorizer({ client, clock, nodeName }),
    routes,
    log,
    config: deps.config,
  })
}

export type { KubeletServer } from "./kubelet-server.ts"
export type { StreamingRuntime } from "./streaming.ts"
export type * from "./types.ts"
