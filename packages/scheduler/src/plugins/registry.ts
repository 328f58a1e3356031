import type { PluginDefinition } from "../framework/handle.ts"
import { newDefaultBinder } from "./default-binder/index.ts"
import { newDynamicResources } from "./dynamic-resources/index.ts"
import { newImageLocality } from "./image-locality/index.ts"
import { newInterPodAffinity } from "./inter-pod-affinity/index.ts"
import { newNodeAffinity } from "./node-affinity/index.ts"
import { newNodeName } from "./node-name/index.ts"
import { newNodePorts } from "./node-ports/index.ts"
import { newNodeResourcesBalancedAllocation } from "./node-resources-balanced-allocation/index.ts"
import { newNodeResourcesFit } from "./node-resources-fit/index.ts"
import { newNodeUnschedulable } from "./node-unschedulable/index.ts"
import { newNodeVolumeLimits } from "./node-volume-limits/index.ts"
import { newPodTopologySpread } from "./pod-topology-spread/index.ts"
import { newPrioritySort } from "./priority-sort/index.ts"
import { newSchedulingGates } from "./scheduling-gates/index.ts"
import { newTaintToleration } from "./taint-toleration/index.ts"
import { newVolumeBinding } from "./volume-binding/index.ts"
import { newVolumeRestrictions } from "./volume-restrictions/index.ts"
import { newVolumeZone } from "./volume-zone/index.ts"

/** All plugins, in the order in which each extension point runs them. Scores count with their weight. */
export const plugins: readonly PluginDefinition[] = [
  { name: "SchedulingGates", create: newSchedulingGates },
  { name: "PrioritySort", create: newPrioritySort },
  { name: "NodeUnschedulable", create: newNodeUnschedulable },
  { name: "NodeName", create: newNodeName },
  { name: "TaintToleration", weight: 3, create: newTaintToleration },
  { name: "NodeAffinity", weight: 2, create: newNodeAffinity },
  { name: "NodePorts", create: newNodePorts },
  { name: "NodeResourcesFit", weight: 1, create: newNodeResourcesFit },
  { name: "VolumeRestrictions", create: newVolumeRestrictions },
  { name: "NodeVolumeLimits", create: newNodeVolumeLimits },
  { name: "VolumeBinding", create: newVolumeBinding },
  { name: "VolumeZone", create: newVolumeZone },
  { name: "DynamicResources", create: newDynamicResources },
  { name: "PodTopologySpread", weight: 2, create: newPodTopologySpread },
  { name: "InterPodAffinity", weight: 2, create: newInterPodAffinity },
  { name: "NodeResourcesBalancedAllocation", weight: 1, create: newNodeResourcesBalancedAllocation },
  { name: "ImageLocality", weight: 1, create: newImageLocality },
  { name: "DefaultBinder", create: newDefaultBinder },
]
