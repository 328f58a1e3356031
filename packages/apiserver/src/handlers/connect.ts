import type { KubeObject } from "@ladya/apimachinery"
import type { ApiRequest } from "../request.ts"
import { isTrue } from "../request-info.ts"
import type { Engine, Operation } from "./operation.ts"
import { admitView } from "./write/admit.ts"

type Read = (request: ApiRequest) => Record<string, unknown>

const streams: Read = ({ query }) => {
  const flags = ["stdin", "stdout", "stderr", "tty"].filter((flag) => isTrue(query.get(flag)))
  const container = query.get("container")
  return { ...Object.fromEntries(flags.map((flag) => [flag, true])), ...(container ? { container } : {}) }
}

const proxied: Read = ({ info }) => (info.rest ? { path: `/${info.rest}` } : {})

/** Subresources that open a connection: what their options are called, and how they are read off the URL. */
const connections: Readonly<Record<string, { kind: string; read: Read }>> = {
  "pods/exec": {
    kind: "PodExecOptions",
    read: (request) => ({ ...streams(request), command: request.query.getAll("command") }),
  },
  "pods/attach": { kind: "PodAttachOptions", read: streams },
  "pods/portforward": {
    kind: "PodPortForwardOptions",
    read: ({ query }) => ({ ports: query.getAll("ports").flatMap((text) => text.split(",").map(Number)) }),
  },
  "pods/proxy": { kind: "PodProxyOptions", read: proxied },
  "services/proxy": { kind: "ServiceProxyOptions", read: proxied },
  "nodes/proxy": { kind: "NodeProxyOptions", read: proxied },
}

/** Asks admission whether a connection may be opened. Other requests pass. */
export async function admitConnection(engine: Engine, operation: Operation, request: ApiRequest): Promise<void> {
  if (engine.admission.length === 0) return
  const { group, resource, subresource } = request.info
  const found = group === "" ? connections[`${resource}/${subresource}`] : undefined
  if (!found) return
  const options = { kind: found.kind, apiVersion: "v1", ...found.read(request) }
  // Options have no metadata.
  await admitView(engine, operation, "CONNECT", options as unknown as KubeObject)
}
