import { createHash } from "node:crypto"
import type { PortPlan, Target } from "../plan.ts"

/** What one Service contributes to the table. */
export interface Fragment {
  /** Rules by chain name. */
  chains: Map<string, string[]>
  /** Definitions of sets by set name. */
  sets: Map<string, string>
  /** Elements by `set key`; the value is the verdict of a map's element, empty for a set's. Several fragments may hold the same. */
  elements: Map<string, string>
}

/** Packets with this mark get the node's address as their source. */
export const masqueradeMark = "0x4000"

const markRule = `meta mark set meta mark or ${masqueradeMark}`

/** A short stable name part: nft names take neither slashes nor much length. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12)
}

function readable(id: string): string {
  return id.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 60)
}

const place = (target: Target): string => `${target.ip} . ${target.port}`

function addTargets(
  fragment: Fragment,
  chain: string,
  plan: PortPlan,
  targets: readonly Target[],
  head: string[],
): void {
  const rules = [...head]
  if (plan.affinitySeconds === undefined) {
    const elements = targets.map((target, index) => `${index} : ${place(target)}`).join(", ")
    rules.push(`meta l4proto ${plan.protocol} dnat ip to numgen random mod ${targets.length} map { ${elements} }`)
  } else {
    const chains = targets.map((target) => {
      const name = `ep-${shortHash(`${plan.id} ${target.ip}:${target.port}`)}`
      const set = `affinity-${name.slice(3)}`
      fragment.sets.set(set, "type ipv4_addr; flags dynamic,timeout; timeout 24h;")
      fragment.chains.set(name, [
        `update @${set} { ip saddr timeout ${plan.affinitySeconds}s }`,
        `meta l4proto ${plan.protocol} dnat ip to ${target.ip}:${target.port}`,
      ])
      return { name, set }
    })
    for (const { name, set } of chains) rules.push(`ip saddr @${set} goto ${name}`)
    const elements = chains.map(({ name }, index) => `${index} : goto ${name}`).join(", ")
    rules.push(`numgen random mod ${targets.length} vmap { ${elements} }`)
  }
  fragment.chains.set(chain, rules)
  for (const target of targets) {
    if (target.local) fragment.elements.set(`hairpin ${target.ip} . ${target.ip}`, "")
  }
}

const sameTargets = (a: readonly Target[], b: readonly Target[]): boolean =>
  a.length === b.length && a.every((target, index) => target.ip === b[index]?.ip && target.port === b[index]?.port)

/** The part of the table that carries these ports out. `clusterCIDR`: the addresses of all pods. */
export function newFragment(plans: readonly PortPlan[], clusterCIDR: string): Fragment {
  const fragment: Fragment = { chains: new Map(), sets: new Map(), elements: new Map() }
  for (const plan of plans) {
    const suffix = `${readable(plan.id)}-${shortHash(plan.id)}`
    const internalChain = `svc-${suffix}`
    const externalChain = `ext-${suffix}`
    if (plan.internal.length > 0) {
      addTargets(fragment, internalChain, plan, plan.internal, [`ip saddr != ${clusterCIDR} ${markRule}`])
    }
    for (const address of plan.clusterAddresses) {
      const key = `${address} . ${plan.protocol} . ${plan.port}`
      if (plan.internal.length > 0) fragment.elements.set(`services ${key}`, `goto ${internalChain}`)
      else fragment.elements.set(`unserved ${key}`, "")
    }
    if (plan.nodePort === undefined && plan.externalAddresses.length === 0) continue
    if (plan.external.length > 0) {
      const head = plan.externalMasquerade ? [markRule] : []
      if (plan.externalMasquerade && sameTargets(plan.internal, plan.external)) {
        fragment.chains.set(externalChain, [markRule, `goto ${internalChain}`])
      } else {
        addTargets(fragment, externalChain, plan, plan.external, head)
      }
    }
    if (plan.nodePort !== undefined) {
      const key = `${plan.protocol} . ${plan.nodePort}`
      if (plan.external.length > 0) fragment.elements.set(`nodeports ${key}`, `goto ${externalChain}`)
      else fragment.elements.set(`unserved-nodeports ${key}`, "")
    }
    const guard = `guard-${suffix}`
    if (plan.externalAddresses.length > 0 && plan.external.length > 0 && plan.sourceRanges.length > 0) {
      fragment.chains.set(guard, [`ip saddr { ${plan.sourceRanges.join(", ")} } goto ${externalChain}`, "drop"])
    }
    for (const address of plan.externalAddresses) {
      const key = `${address} . ${plan.protocol} . ${plan.port}`
      if (plan.external.length === 0) fragment.elements.set(`unserved ${key}`, "")
      else fragment.elements.set(`services ${key}`, `goto ${fragment.chains.has(guard) ? guard : externalChain}`)
    }
  }
  return fragment
}
