import { existsSync } from "node:fs"
import { lstat, realpath } from "node:fs/promises"
import { LadyaError } from "../errors.ts"
import { sandboxImage } from "../machine/containerd.ts"
import { pauseBinary } from "../machine/pause.ts"
import { runOk } from "../system/exec.ts"
import { buildImage } from "./build.ts"
import { fullImageName } from "./names.ts"
import { Rootfs, sharedLibraries } from "./rootfs.ts"
import type { ImageStore } from "./store.ts"

/** The image every pod sandbox is made of. */
export async function buildPauseImage(store: ImageStore, architecture: "x64" | "arm64"): Promise<void> {
  const rootfs = new Rootfs()
  rootfs.content("pause", pauseBinary(architecture), 0o755)
  await buildImage(store, { names: [sandboxImage], rootfs, config: { Entrypoint: ["/pause"] }, architecture })
}

/** The file system that every made image starts from: users, directories, links, busybox with its applets. */
async function busyboxRootfs(binary: string): Promise<Rootfs> {
  const rootfs = new Rootfs()
  rootfs.mergedUsr()
  for (const directory of ["dev", "etc", "home", "proc", "run", "sys", "var/log", "var/lib", "var/cache"]) {
    rootfs.directory(directory)
  }
  rootfs.directory("root", 0o700)
  rootfs.directory("tmp", 0o1777)
  rootfs.directory("var/tmp", 0o1777)
  rootfs.symlink("var/run", "../run")
  rootfs.content("etc/passwd", passwd)
  rootfs.content("etc/group", group)
  rootfs.content("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
  rootfs.content("etc/hostname", "localhost\n")
  const size = (await lstat(binary)).size
  rootfs.entries.set("usr/bin/busybox", { type: "file", mode: 0o755, source: binary, size })
  for (const applet of (await runOk(binary, ["--list-full"])).trim().split("\n")) {
    const name = applet.split("/").at(-1) as string
    if (name === "busybox" || applet === "linuxrc") continue
    if (applet.includes("sbin/")) rootfs.symlink(`usr/sbin/${name}`, "../bin/busybox")
    else rootfs.symlink(`usr/bin/${name}`, "busybox")
  }
  return rootfs
}

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`

const group = `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
www-data:x:33:
nogroup:x:65534:
`

/** The busybox to put into images: one that needs no libraries. */
export async function findStaticBusybox(): Promise<string | undefined> {
  for (const path of ["/usr/bin/busybox", "/bin/busybox"]) {
    if (existsSync(path) && (await sharedLibraries(path)).length === 0) return await realpath(path)
  }
  return undefined
}

/** The images there are from the first set-up on: busybox with its applets, and the sandbox's. Does nothing when they are there. */
export async function ensureBuiltinImages(store: ImageStore, architecture: "x64" | "arm64"): Promise<void> {
  if (!(await store.resolve(sandboxImage))) await buildPauseImage(store, architecture)
  if (await store.resolve(fullImageName("busybox"))) return
  const binary = await findStaticBusybox()
  if (binary === undefined) {
    throw new LadyaError("busybox-static is not installed", { hint: "apt-get install busybox-static" })
  }
  const version = /^BusyBox v(\d+\.\d+)(\.\d+)?/.exec(await runOk(binary, []))
  const tags = ["latest", "stable", ...(version?.[1] ? [version[1], version[1] + (version[2] ?? "")] : [])]
  await buildImage(store, {
    names: [...new Set(tags)].map((tag) => `busybox:${tag}`),
    rootfs: await busyboxRootfs(binary),
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["sh"] },
    architecture,
  })
}
