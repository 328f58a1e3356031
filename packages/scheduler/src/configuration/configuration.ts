import type { SchedulerConfig } from "../config.ts"

/** The extension points at which a profile can turn plugins on and off, by upstream's names. */
export const extensionPoints = [
  "preEnqueue",
  "queueSort",
  "preFilter",
  "filter",
  "postFilter",
  "preScore",
  "score",
  "reserve",
  "permit",
  "preBind",
  "bind",
  "postBind",
] as const
export type ExtensionPoint = (typeof extensionPoints)[number]

export interface PluginChoice {
  readonly name: string
  readonly weight?: number
}

export interface PluginSet {
  readonly enabled: readonly PluginChoice[]
  /** `*` turns all off that are on by default. */
  readonly disabled: readonly string[]
}

/** One way of scheduling, for the pods that name it. */
export interface Profile {
  readonly schedulerName: string
  readonly percentageOfNodesToScore?: number
  readonly plugins: Partial<Readonly<Record<ExtensionPoint | "multiPoint", PluginSet>>>
  /** By plugin name. */
  readonly args: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** A program beside the scheduler that is asked over HTTP. */
export interface ExtenderConfig {
  readonly urlPrefix: string
  readonly filterVerb: string
  readonly prioritizeVerb: string
  readonly bindVerb: string
  readonly weight: number
  readonly timeoutMs: number
  /** It keeps nodes itself: names are sent, not objects. */
  readonly nodeCacheCapable: boolean
  /** Only pods that ask for one of these are shown to it; all when there is none. */
  readonly managedResources: readonly { readonly name: string; readonly ignoredByScheduler: boolean }[]
  /** Pods are scheduled without it when it does not answer. */
  readonly ignorable: boolean
  readonly tls: {
    readonly insecure: boolean
    readonly serverName?: string
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
  }
}

/** What a KubeSchedulerConfiguration says (kubescheduler.config.k8s.io/v1). */
export interface SchedulerConfiguration {
  readonly common: Partial<SchedulerConfig>
  readonly profiles: readonly Profile[]
  readonly extenders: readonly ExtenderConfig[]
}

export const defaultConfiguration: SchedulerConfiguration = {
  common: {},
  profiles: [{ schedulerName: "default-scheduler", plugins: {}, args: {} }],
  extenders: [],
}
