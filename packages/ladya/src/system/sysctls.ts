import { existsSync } from "node:fs"
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"

/** Kept where it is lost at a reboot, as the settings are. */
const directory = "/run/ladya"
const recordFile = `${directory}/sysctls.json`

const pathOf = (name: string): string => `/proc/sys/${name.replaceAll(".", "/")}`

interface Wanted {
  name: string
  /** Set to this, unless it is a number and the present one is higher. */
  value: number
}

/** What nodes need of the machine they share: a router, and more watchers than a desktop has. */
const wanted: readonly Wanted[] = [
  { name: "net.ipv4.ip_forward", value: 1 },
  { name: "fs.inotify.max_user_instances", value: 8192 },
  { name: "fs.inotify.max_user_watches", value: 524_288 },
]

/** Raises the machine's settings as far as nodes need, and notes what they were. */
export async function raiseSysctls(): Promise<void> {
  const before: Record<string, string> = JSON.parse(await readFile(recordFile, "utf8").catch(() => "{}"))
  for (const { name, value } of wanted) {
    const path = pathOf(name)
    if (!existsSync(path)) continue
    const present = (await readFile(path, "utf8")).trim()
    if (Number(present) >= value) continue
    before[name] ??= present
    await mkdir(directory, { recursive: true, mode: 0o755 })
    await writeFile(recordFile, JSON.stringify(before))
    await writeFile(path, String(value)).catch(() => undefined)
  }
}

/** Puts the machine's settings back as they were before the first cluster. */
export async function restoreSysctls(): Promise<void> {
  const before: Record<string, string> = JSON.parse(await readFile(recordFile, "utf8").catch(() => "{}"))
  for (const [name, value] of Object.entries(before)) await writeFile(pathOf(name), value).catch(() => undefined)
  await rm(directory, { recursive: true, force: true })
}
