import type { corev1, discoveryv1 } from "@ladya/api"
import type { Handler } from "../request.ts"

/** What the streaming handlers read. Throws a 404 Status for what is not there. */
export interface StreamingLookup {
  pod(namespace: string, name: string): Promise<corev1.Pod>
  node(name: string): Promise<corev1.Node>
  service(namespace: string, name: string): Promise<corev1.Service>
  /** The slices of a Service. */
  endpointSlices(namespace: string, service: string): Promise<readonly discoveryv1.EndpointSlice[]>
}

/** How the API server shows itself to kubelets, and how it knows them. */
export interface KubeletCredentials {
  /** PEM of the CA that signs kubelets' serving certificates. */
  ca: string | Buffer
  cert: string | Buffer
  key: string | Buffer
}

/** Handlers of the subresources that end at a node. */
export interface StreamingHandlers {
  log: Handler
  exec: Handler
  attach: Handler
  portForward: Handler
  podProxy: Handler
  serviceProxy: Handler
  nodeProxy: Handler
}
