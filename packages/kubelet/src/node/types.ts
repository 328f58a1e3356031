import type { corev1 } from "@ladya/api"
import type { Client, Informer } from "@ladya/client"
import type { CriClient } from "@ladya/cri"
import type { Clock, Component, Logger } from "@ladya/util"
import type { CniOptions } from "./cni.ts"
import type { Pressure } from "./conditions.ts"
import type { RegistrationConfig } from "./registration.ts"
import type { NodeStatusConfig } from "./status.ts"

export interface NodeConfig extends Omit<RegistrationConfig, "architecture">, NodeStatusConfig {
  /** The agent's data directory: its file system's size is the node's ephemeral storage. */
  dataDirectory: string
  /** Where the runtime looks for CNI configuration. */
  cniDirectory: string
  cni: Omit<CniOptions, "podCIDRs">
}

export interface NodeDeps {
  client: Client
  /** Of all nodes or of this one; started by its owner. */
  nodes: Informer<corev1.Node>
  cri: {
    runtime: Pick<CriClient["runtime"], "version" | "status">
    images: Pick<CriClient["images"], "list">
  }
  clock: Clock
  log: Logger
  config: NodeConfig
  pressure(): Pressure
  /** An event about the Node. */
  event(type: "Normal" | "Warning", reason: string, message: string): void
}

/** This node in the API: registered, its status and Lease kept, the runtime's network configured. */
export interface NodeComponent extends Component {
  /** The Node as last seen; undefined before registration. */
  current(): corev1.Node | undefined
  /** What pods may use, known from the start. */
  allocatable(): Readonly<Record<string, string>>
  /** Looks at the status now: something it depends on has changed. */
  trigger(): void
  /** Resolves when the node has been reported Ready. */
  ready(): Promise<void>
}
