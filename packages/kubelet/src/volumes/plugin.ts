import type { corev1 } from "@ladya/api"

/** An API object that a volume's content comes from. */
export interface ObjectReference {
  resource: "configmaps" | "secrets"
  namespace: string
  name: string
}

export interface SetUpRequest<S> {
  pod: corev1.Pod
  volumeName: string
  spec: S
  /** `<root>/pods/<uid>/volumes/<escaped plugin name>/<volume name>`; the parent need not exist. */
  directory: string
}

export interface SetUpResult {
  /** The path to mount into containers: the directory, or for host paths another one. */
  hostPath: string
  /** When to run `setUp` again though nothing changed, in milliseconds since the epoch (tokens that expire). */
  refreshAt?: number
}

/**
 * One kind of volume. `setUp` is idempotent: running it again brings the content up to date. `tearDown` is idempotent,
 * needs no `setUp` before it in this process, and touches nothing outside `directory`.
 */
export interface VolumePlugin<S = unknown> {
  /** As upstream spells it: `kubernetes.io/empty-dir`. */
  readonly name: string
  /** The plugin's part of the volume, or undefined when the volume is of another kind. */
  spec(volume: corev1.Volume): S | undefined
  /** The objects whose change calls for `setUp` again. */
  references?(spec: S, namespace: string): ObjectReference[]
  /** Whether a change of the pod's own labels and annotations calls for `setUp` again. */
  readonly followsPod?: boolean
  setUp(request: SetUpRequest<S>, signal: AbortSignal): Promise<SetUpResult>
  tearDown(directory: string): Promise<void>
}

/** `kubernetes.io/empty-dir` → `kubernetes.io~empty-dir`, the name of the plugin's directory. */
export function escapePluginName(name: string): string {
  return name.replaceAll("/", "~")
}

export function unescapePluginName(directory: string): string {
  return directory.replaceAll("~", "/")
}
