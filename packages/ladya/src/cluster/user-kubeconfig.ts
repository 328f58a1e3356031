import { existsSync } from "node:fs"
import { mkdir, open, readFile, realpath, rm } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { type Clock, sleep, systemClock } from "@ladya/util"
import { LadyaError } from "../errors.ts"
import { writeFileAtomic } from "../system/files.ts"
import { isEmptyKubeconfig, type KubeconfigEntry, mergeEntry, removeEntry } from "./kubeconfig.ts"

/** The file kubectl would write a new context to: the first of $KUBECONFIG that is there, else its last, else ~/.kube/config. */
export function userKubeconfigPath(environment: NodeJS.ProcessEnv = process.env): string {
  const listed = (environment["KUBECONFIG"] ?? "").split(":").filter((path) => path !== "")
  if (listed.length === 0) return join(environment["HOME"] || homedir(), ".kube/config")
  return listed.find((path) => existsSync(path)) ?? (listed.at(-1) as string)
}

/** Puts a cluster into the person's kubeconfig; the other contexts stay. */
export async function mergeIntoUserKubeconfig(path: string, entry: KubeconfigEntry): Promise<void> {
  await change(path, (text) => mergeEntry(text, entry))
}

/** Takes a cluster out of the person's kubeconfig. A file that held nothing else is removed. */
export async function removeFromUserKubeconfig(path: string, name: string): Promise<void> {
  if (!existsSync(path)) return
  await change(path, (text) => {
    const left = removeEntry(text, name)
    return isEmptyKubeconfig(left) ? undefined : left
  })
}

async function change(path: string, edit: (text: string) => string | undefined): Promise<void> {
  // A link (dotfiles kept elsewhere) stays a link: what it points at is replaced.
  const file = await realpath(path).catch(() => path)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await withKubectlLock(file, async () => {
    const before = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return ""
      throw error
    })
    const after = editOf(path, before, edit)
    if (after === undefined) await rm(file, { force: true })
    else if (after !== before) await writeFileAtomic(file, after, 0o600)
  })
}

function editOf(path: string, before: string, edit: (text: string) => string | undefined): string | undefined {
  try {
    return edit(before)
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error)
    throw new LadyaError(`cannot change ${path}: ${why}`, {
      hint: "mend that file or move it away, or name another by KUBECONFIG; then run the same again",
      cause: error,
    })
  }
}

/** The lock that kubectl itself takes when it changes the file. One that stays for seconds was left by a crash. */
async function withKubectlLock(file: string, task: () => Promise<void>, clock: Clock = systemClock): Promise<void> {
  const lock = `${file}.lock`
  const end = clock.monotonic() + 3000
  for (;;) {
    try {
      await (await open(lock, "wx", 0o600)).close()
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
      if (clock.monotonic() > end) await rm(lock, { force: true })
      else await sleep(clock, 25)
    }
  }
  try {
    await task()
  } finally {
    await rm(lock, { force: true })
  }
}
