/** What the runtime says of itself, read for the Node's conditions. */
export interface RuntimeHealth {
  /** `containerd`, `1.6.20`. */
  name: string
  version: string
  /** CRI conditions RuntimeReady and NetworkReady. */
  runtimeReady: boolean
  networkReady: boolean
  /** Why not ready, `reason: message`. */
  message: string
}

/** What registration and status need of the runtime. Throws when it cannot be reached. */
export interface NodeRuntime {
  health(signal?: AbortSignal): Promise<RuntimeHealth>
  images(signal?: AbortSignal): Promise<readonly { names: readonly string[]; sizeBytes: number }[]>
}
