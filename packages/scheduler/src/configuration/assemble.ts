import type { WeightedPlugin } from "../framework/framework.ts"
import type { Plugin } from "../framework/plugin.ts"
import { type ExtensionPoint, extensionPoints, type PluginSet, type Profile } from "./configuration.ts"

/** What a plugin has to have for each extension point; what belongs together is turned off together. */
const methods: Readonly<Record<ExtensionPoint, readonly (keyof Plugin)[]>> = {
  preEnqueue: ["preEnqueue"],
  queueSort: ["compare"],
  preFilter: ["preFilter", "addPod", "removePod"],
  filter: ["filter"],
  postFilter: ["postFilter"],
  preScore: ["preScore"],
  score: ["score", "normalize"],
  reserve: ["reserve", "unreserve"],
  permit: ["permit"],
  preBind: ["preBind"],
  bind: ["bind"],
  postBind: ["postBind"],
}

const none: PluginSet = { enabled: [], disabled: [] }
const isOff = ({ disabled }: PluginSet, name: string): boolean => disabled.includes("*") || disabled.includes(name)

/**
 * The plugins of a profile in their order, each with the extension points at which it is on: those of `multiPoint` where
 * they are not turned off, and those that one point alone turns on. A plugin that is on nowhere is left out.
 */
export function assemble(profile: Profile, available: readonly WeightedPlugin[]): WeightedPlugin[] {
  const everywhere = profile.plugins.multiPoint ?? none
  const first = everywhere.enabled.map(({ name }) => name)
  // What a profile names comes first, in its order; the rest as it is by default.
  const order = [
    ...first.flatMap((name) => available.filter(({ plugin }) => plugin.name === name)),
    ...available.filter(({ plugin }) => !first.includes(plugin.name)),
  ]
  return order.flatMap(({ plugin, weight }) => {
    const named = everywhere.enabled.find(({ name }) => name === plugin.name)
    const isOn = named !== undefined || !isOff(everywhere, plugin.name)
    const offPoints = extensionPoints.filter((point) => {
      const set = profile.plugins[point] ?? none
      if (set.enabled.some(({ name }) => name === plugin.name)) return false
      return !isOn || isOff(set, plugin.name)
    })
    const restricted = without(plugin, offPoints)
    if (!restricted) return []
    const atScore = profile.plugins.score?.enabled.find(({ name }) => name === plugin.name)
    return [{ plugin: restricted, weight: atScore?.weight ?? named?.weight ?? weight }]
  })
}

function without(plugin: Plugin, points: readonly ExtensionPoint[]): Plugin | undefined {
  const off = points.flatMap((point) => methods[point]).filter((method) => plugin[method] !== undefined)
  if (off.length === 0) return plugin
  const rest = Object.fromEntries(Object.entries(plugin).filter(([key]) => !off.includes(key as keyof Plugin)))
  const isLeft = extensionPoints.some((point) => methods[point].some((method) => rest[method] !== undefined))
  return isLeft ? (rest as unknown as Plugin) : undefined
}
