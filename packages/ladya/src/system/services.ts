import { existsSync } from "node:fs"
import { findProgram } from "./debian-packages.ts"
import { run } from "./exec.ts"

/** Debian starts what it installs: ends these services again, and keeps them from starting with the machine. */
export async function stopServices(names: readonly string[]): Promise<void> {
  const systemctl = findProgram("systemctl")
  for (const name of names) {
    if (systemctl && existsSync("/run/systemd/system")) await run(systemctl, ["disable", "--now", name])
    else if (existsSync(`/etc/init.d/${name}`)) await run(`/etc/init.d/${name}`, ["stop"])
  }
}
