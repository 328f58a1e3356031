import { mkdir, statfs, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { type Clock, systemClock, waitFor } from "@ladya/util"
import type { HostFacts } from "../system/host.ts"
import { isAlive, type ProcessRecord } from "../system/processes.ts"

/** Every pod's sandbox is made of this image; the built-in mirror serves it. */
export const sandboxImage = "registry.local/pause:3.10"

export interface ContainerdPaths {
  directory: string
  socket: string
  config: string
  cniConfigDirectory: string
  /** registry hosts files, read anew at every pull. */
  certsDirectory: string
}

export interface ContainerdOptions {
  /** The node's own data directory; containerd's files go below `containerd/` in it. */
  dataDirectory: string
  /** Short-lived state: a tmpfs that is private to the node's mount namespace. */
  stateDirectory: string
  /** Where runc and crun keep their state; on the same tmpfs. */
  runtimeDirectory: string
  /** Whether pods' network namespaces are to be kept below `stateDirectory` rather than in /run/netns. */
  networkNamespacesInState: boolean
  certsDirectory: string
  facts: Pick<HostFacts, "hasSysResource" | "cniBinDirectory">
}

export function containerdPaths(dataDirectory: string, certsDirectory?: string): ContainerdPaths {
  const directory = `${dataDirectory}/containerd`
  return {
    directory,
    socket: `${directory}/containerd.sock`,
    config: `${directory}/config.toml`,
    cniConfigDirectory: `${directory}/cni.d`,
    certsDirectory: certsDirectory ?? `${directory}/certs.d`,
  }
}

/** f_type of a file system that is an overlay itself: the root of a container, which cannot bear another overlay. */
const overlayMagic = 0x794c7630

/** Overlay where it works; plain copies on a machine that is itself a container. */
async function snapshotterFor(directory: string): Promise<"overlayfs" | "native"> {
  return (await statfs(directory)).type === overlayMagic ? "native" : "overlayfs"
}

/** containerd's configuration: everything below the node's own directory, nothing shared with another containerd. */
export function containerdConfig(options: ContainerdOptions, snapshotter: string): string {
  const paths = containerdPaths(options.dataDirectory, options.certsDirectory)
  const quoted = (value: string): string => JSON.stringify(value)
  const cri = '[plugins."io.containerd.grpc.v1.cri"'
  return `version = 2
root = ${quoted(`${paths.directory}/root`)}
state = ${quoted(options.stateDirectory)}
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[debug]
  level = "warn"
[grpc]
  address = ${quoted(paths.socket)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${quoted(`${paths.directory}/opt`)}
${cri}]
  sandbox_image = ${quoted(sandboxImage)}
  restrict_oom_score_adj = ${!options.facts.hasSysResource}
  disable_apparmor = true
  systemd_cgroup = false
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  netns_mounts_under_state_dir = ${options.networkNamespacesInState}
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  ${cri}.cni]
    bin_dir = ${quoted(options.facts.cniBinDirectory ?? "/usr/lib/cni")}
    conf_dir = ${quoted(paths.cniConfigDirectory)}
  ${cri}.registry]
    config_path = ${quoted(paths.certsDirectory)}
  ${cri}.containerd]
    default_runtime_name = "runc"
    snapshotter = ${quoted(snapshotter)}
    ${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      ${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = ${quoted(`${options.runtimeDirectory}/runc`)}
    ${cri}.containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      ${cri}.containerd.runtimes.crun.options]
        BinaryName = "crun"
        Root = ${quoted(`${options.runtimeDirectory}/crun`)}
`
}

/** Writes the configuration and makes the directories it names. */
export async function writeContainerdConfig(options: ContainerdOptions): Promise<ContainerdPaths> {
  const paths = containerdPaths(options.dataDirectory, options.certsDirectory)
  for (const directory of [paths.directory, paths.cniConfigDirectory, paths.certsDirectory]) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
  }
  await writeFile(paths.config, containerdConfig(options, await snapshotterFor(paths.directory)))
  return paths
}

/** Whether something answers on a unix socket. */
export function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket)
    connection.once("connect", () => {
      connection.destroy()
      resolve(true)
    })
    connection.once("error", () => resolve(false))
  })
}

/** Waits until containerd takes connections; throws at once when its process has died. */
export async function waitForContainerd(
  socket: string,
  process: ProcessRecord,
  clock: Clock = systemClock,
): Promise<void> {
  await waitFor(
    clock,
    async () => {
      if (await isListening(socket)) return "ready"
      return isAlive(process) ? undefined : "dead"
    },
    { description: `containerd to listen on ${socket}`, timeoutMs: 60_000, intervalMs: 10 },
  ).then((state) => {
    if (state === "dead") throw new Error("containerd ended by itself while starting")
  })
}
