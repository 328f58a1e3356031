export { defaultSchedulerConfig, type SchedulerConfig } from "./config.ts"
export type { SchedulerConfiguration } from "./configuration/configuration.ts"
export { parseSchedulerConfiguration, SchedulerConfigurationError } from "./configuration/parse.ts"
export {
  type ClusterObjects,
  type DiagnoseDeps,
  diagnosePlacement,
  type Placement,
  type PlacementVerdict,
} from "./diagnose.ts"
export type { ClusterEvent, EventAction, EventResource, Hint } from "./framework/cluster-event.ts"
export { CycleState, stateKey } from "./framework/cycle-state.ts"
export type { PluginDefinition, PluginHandle } from "./framework/handle.ts"
export type {
  EventInterest,
  NodeRefusal,
  NodeView,
  Plugin,
  PostFilterResult,
  PreFilterResult,
} from "./framework/plugin.ts"
export { ok, skip, unresolvable, unschedulable, type Verdict } from "./framework/verdict.ts"
export { plugins as builtInPlugins } from "./plugins/registry.ts"
export { newScheduler, type SchedulerDeps } from "./scheduler.ts"
