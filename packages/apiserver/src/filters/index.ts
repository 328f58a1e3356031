import type { Clock, Logger, MetricsRegistry } from "@ladya/util"
import type { Authenticator } from "../authentication/authenticator.ts"
import type { Authorizer } from "../authorization/authorizer.ts"
import type { Filter, Handler } from "../request.ts"
import { withAuthentication } from "./authenticate.ts"
import { withAuthorization } from "./authorize.ts"
import { withErrors } from "./errors.ts"
import { type FlowControlOptions, withFlowControl } from "./flow-control.ts"
import { withImpersonation } from "./impersonate.ts"
import { withMetrics } from "./metrics.ts"
import { withTimeout } from "./timeout.ts"

export interface FilterDeps {
  clock: Clock
  log: Logger
  metrics: MetricsRegistry
  authenticators: readonly Authenticator[]
  authorizer: Authorizer
  anonymous: boolean
  requestTimeoutMs: number
  flowControl: FlowControlOptions
  /** Sees every authenticated request and its answer; nothing unless told. */
  audit?: Filter
}

/** What every request passes through, outermost first. The request id is given where the request is made. */
export function filterChain(deps: FilterDeps): readonly Filter[] {
  return [
    withMetrics(deps.clock, deps.metrics),
    withErrors(deps.log),
    withTimeout(deps.clock, deps.requestTimeoutMs),
    withAuthentication(deps.authenticators, { anonymous: deps.anonymous }),
    withImpersonation(deps.authorizer),
    ...(deps.audit ? [deps.audit] : []),
    withFlowControl(deps.flowControl),
    withAuthorization(deps.authorizer),
  ]
}

/** The handler behind its filters. */
export function applyFilters(filters: readonly Filter[], handler: Handler): Handler {
  return filters.reduceRight((next, filter) => filter(next), handler)
}
