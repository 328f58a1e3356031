import { formatQuantity, quantityFromNumber } from "@ladya/apimachinery"
import type { Pressure } from "../node/index.ts"
import type { Observation, Observations, SignalName } from "./signals.ts"

/** The least that must be free: an amount, or a part of the whole. */
export type Least = { amount: number } | { fraction: number }

export type Thresholds = Readonly<Partial<Record<SignalName, Least>>>

/**
 * Upstream's memory threshold. Disks are kept to a twentieth rather than a tenth: on the disks of today a tenth is
 * hundreds of gigabytes, and a developer's machine is often that full.
 */
export const defaultThresholds: Thresholds = {
  "memory.available": { amount: 100 * 2 ** 20 },
  "nodefs.available": { fraction: 0.05 },
  "nodefs.inodesFree": { fraction: 0.05 },
  "imagefs.available": { fraction: 0.05 },
}

export interface Breach {
  signal: SignalName
  /** As the API names it in texts. */
  resource: "memory" | "ephemeral-storage" | "inodes" | "pids"
  condition: keyof Pressure
  least: number
  observation: Observation
}

const signals: Readonly<Record<SignalName, Pick<Breach, "resource" | "condition">>> = {
  "memory.available": { resource: "memory", condition: "memory" },
  "nodefs.available": { resource: "ephemeral-storage", condition: "disk" },
  "nodefs.inodesFree": { resource: "inodes", condition: "disk" },
  "imagefs.available": { resource: "ephemeral-storage", condition: "disk" },
  "pid.available": { resource: "pids", condition: "pid" },
}

/** What is short now. Memory first: it is what cannot wait. */
export function planBreaches(observations: Observations, thresholds: Thresholds): Breach[] {
  const breaches: Breach[] = []
  for (const [signal, names] of Object.entries(signals) as [SignalName, Pick<Breach, "resource" | "condition">][]) {
    const threshold = thresholds[signal]
    const observation = observations.get(signal)
    if (!threshold || !observation) continue
    const least = "amount" in threshold ? threshold.amount : Math.floor(threshold.fraction * observation.capacity)
    if (observation.available < least) breaches.push({ signal, ...names, least, observation })
  }
  return breaches
}

/** An amount as texts show it: bytes as `100Mi`, the rest as it is. */
export function amountText(resource: Breach["resource"], amount: number): string {
  if (resource === "inodes" || resource === "pids") return String(amount)
  // Whole kibibytes, so that it stays readable.
  return formatQuantity(quantityFromNumber(Math.floor(amount / 1024) * 1024, "BinarySI"))
}
