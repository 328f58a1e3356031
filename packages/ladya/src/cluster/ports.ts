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

export interface PortWish {
  /** Taken before all others when it is free. */
  wanted: number | undefined
  /** Where the search begins. */
  first: number
  hosts: readonly string[]
  /** Ports of others that may be down just now, but will want them back. */
  reserved?: ReadonlySet<number>
}

/** The first free port that nobody else counts on. */
export async function findPort({ wanted, first, hosts, reserved }: PortWish): Promise<number> {
  if (wanted !== undefined && (await isPortFree(wanted, hosts))) return wanted
  for (let port = first; port < first + 200; port++) {
    if (!reserved?.has(port) && (await isPortFree(port, hosts))) return port
  }
  throw new LadyaError(`no port from ${first} to ${first + 199} is free on ${hosts.join(" and ")}`)
}
