import type { AdmissionPlugin } from "./admission/admission.ts"
import type { FrontProxyCredentials } from "./aggregation/index.ts"
import type { Authenticator } from "./authentication/authenticator.ts"
import type { Authorizer } from "./authorization/authorizer.ts"
import type { FlowControlOptions } from "./filters/flow-control.ts"
import type { HealthCheck } from "./handlers/server/health.ts"
import type { SpecialResource } from "./handlers/special.ts"
import type { Filter, Handler } from "./request.ts"
import type { Route } from "./routes.ts"
import type { TlsMaterial } from "./server/http-server.ts"
import type { KubeletCredentials } from "./streaming/index.ts"

/** What makes one API server of many. All but `tls` has a default. */
export interface ApiServerConfig {
  /** Where it listens; port 0 takes any. None: in process only. */
  listen: readonly { host: string; port: number }[]
  /** Needed when it listens. */
  tls?: TlsMaterial
  /** Asked in order. */
  authenticators: readonly Authenticator[]
  /** Asked in order; without any, nothing is allowed. */
  authorizers: readonly Authorizer[]
  /** Run in order. */
  admission: readonly AdmissionPlugin[]
  /** Whether requests without credentials are `system:anonymous` (or refused). */
  anonymous: boolean
  /** Sees every authenticated request and its answer. */
  audit?: Filter
  /** `host:port` that clients are told to reach the server at. */
  advertiseAddress: string
  /** ClusterIPs are taken from here. */
  serviceCidr: string
  /** Inclusive. */
  nodePorts: { from: number; to: number }
  /** How kubelets are spoken to; without it logs, exec and proxies are not served. */
  kubelet?: KubeletCredentials
  /** What is shown to servers behind APIServices. With it, what this server serves itself has APIServices too. */
  frontProxy?: FrontProxyCredentials
  /** The commit of the source that runs, for `/version`. */
  gitCommit?: string
  requestTimeoutMs: number
  flowControl: FlowControlOptions
  /** How old a version may become before it is forgotten. */
  compactAfterMs: number
  /** Paths that are not resources, besides the server's own: discovery, OpenAPI, keys … */
  routes: readonly Route[]
  /** Resources and subresources with handling of their own, by `group/resource[/subresource]`. */
  special: ReadonlyMap<string, SpecialResource>
  /** Handlers that take a whole request, same keys. */
  raw: ReadonlyMap<string, Handler>
  /** Further conditions of `/healthz`, `/livez` and `/readyz`. */
  healthChecks: readonly HealthCheck[]
}

export const defaultConfig: ApiServerConfig = {
  listen: [],
  authenticators: [],
  authorizers: [],
  admission: [],
  anonymous: true,
  advertiseAddress: "127.0.0.1:6443",
  serviceCidr: "10.96.0.0/16",
  nodePorts: { from: 30000, to: 32767 },
  requestTimeoutMs: 60_000,
  flowControl: { maxReads: 400, maxWrites: 200 },
  compactAfterMs: 5 * 60_000,
  routes: [],
  special: new Map(),
  raw: new Map(),
  healthChecks: [],
}
