import { networkInterfaces } from "node:os"
import { LadyaError } from "../errors.ts"

/** The first address of this machine that others can reach. */
export function machineAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  const found = all.find((entry) => entry.family === "IPv4" && !entry.internal)
  if (!found) {
    throw new LadyaError("this machine has no address but loopback", { hint: "give one with --node-ip or --advertise" })
  }
  return found.address
}
