import type { Random } from "@ladya/util"
import { NodeDialer } from "./dialer.ts"
import { newNodeProxyHandler, newPodProxyHandler, newServiceProxyHandler } from "./http-proxy.ts"
import type { KubeletCredentials, StreamingHandlers, StreamingLookup } from "./lookup.ts"
import { attachLocation, execLocation, newLogHandler, newUpgradeHandler, portForwardLocation } from "./pod-streams.ts"

export type { KubeletCredentials, StreamingHandlers, StreamingLookup } from "./lookup.ts"

export interface StreamingDeps {
  lookup: StreamingLookup
  credentials: KubeletCredentials
  random: Random
}

/** Everything that ends at a node: logs, exec, attach, port-forward and the HTTP proxies. `close` ends idle connections. */
export function newStreaming(deps: StreamingDeps): StreamingHandlers & { close(): void } {
  const { lookup, credentials, random } = deps
  const dialer = new NodeDialer(credentials)
  return {
    log: newLogHandler(lookup, dialer),
    exec: newUpgradeHandler(lookup, dialer, execLocation),
    attach: newUpgradeHandler(lookup, dialer, attachLocation),
    portForward: newUpgradeHandler(lookup, dialer, portForwardLocation),
    podProxy: newPodProxyHandler(lookup, dialer),
    serviceProxy: newServiceProxyHandler(lookup, dialer, random),
    nodeProxy: newNodeProxyHandler(lookup, dialer),
    close: () => dialer.close(),
  }
}
