import { createServer } from "node:net"
import { LadyaError } from "../errors.ts"

/** Whether nothing listens on this port of any of these addresses. */
export async function isPortFree(port: number, hosts: readonly string[]): Promise<boolean> {
  for (const host of hosts) {
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once("error", () => resolve(false))
      server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
    })
    if (!free) return false
  }
  return true
}

/** The first free port from `first` on, `wanted` before all others. */
export async function findPort(wanted: number | undefined, first: number, hosts: readonly string[]): Promise<number> {
  if (wanted !== undefined && (await isPortFree(wanted, hosts))) return wanted
  for (let port = first; port < first + 200; port++) if (await isPortFree(port, hosts)) return port
  throw new LadyaError(`no port from ${first} to ${first + 199} is free on ${hosts.join(" and ")}`)
}
