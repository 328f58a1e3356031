import type { Random } from "@ladya/util"
import type { NodeDialer } from "./dialer.ts"
import { newNodeProxyHandler, newPodProxyHandler, newServiceProxyHandler } from "./http-proxy.ts"
import type { StreamingHandlers, StreamingLookup } from "./lookup.ts"
import { attachLocation, execLocation, newLogHandler, newUpgradeHandler, portForwardLocation } from "./pod-streams.ts"

export { NodeDialer } from "./dialer.ts"
export type { KubeletCredentials, StreamingHandlers, StreamingLookup } from "./lookup.ts"
export { newStoredLookup } from "./stored-lookup.ts"

export interface StreamingDeps {
  lookup: StreamingLookup
  dialer: NodeDialer
  random: Random
}

/** Everything that ends at a node: logs, exec, attach, port-forward and the HTTP proxies. */
export function newStreaming(deps: StreamingDeps): StreamingHandlers {
  const { lookup, dialer, random } = deps
  return {
    log: newLogHandler(lookup, dialer),
    exec: newUpgradeHandler(lookup, dialer, execLocation),
    attach: newUpgradeHandler(lookup, dialer, attachLocation),
    portForward: newUpgradeHandler(lookup, dialer, portForwardLocation),
    podProxy: newPodProxyHandler(lookup, dialer),
    serviceProxy: newServiceProxyHandler(lookup, dialer, random),
    nodeProxy: newNodeProxyHandler(lookup, dialer),
  }
}
