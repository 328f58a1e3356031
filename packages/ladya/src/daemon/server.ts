import { newApiServer, newSecurity, type Pki } from "@ladya/apiserver"
import { newClient } from "@ladya/client"
import { newControllers } from "@ladya/controllers"
import { newScheduler, type SchedulerConfiguration } from "@ladya/scheduler"
import type { Store } from "@ladya/store"
import {
  type Clock,
  type Component,
  ComponentGroup,
  type Logger,
  MetricsRegistry,
  newLogger,
  type Random,
  systemClock,
  systemRandom,
} from "@ladya/util"
import type { HostPort } from "../cli/options.ts"
import { newMirrorHosts, type PublicRegistries } from "../images/mirror-hosts.ts"
import { newRegistry } from "../images/registry.ts"
import { ImageStore } from "../images/store.ts"
import { cluster } from "./cluster-facts.ts"
import { fenced, whileLeading } from "./leading/while-leading.ts"
import { machineAddress } from "./machine-address.ts"
import { newOwnNode } from "./own-node.ts"
import { openPki, writeAdminKubeconfig } from "./pki.ts"
import { runUntilSignalled } from "./run.ts"
import { sourceCommit } from "./source-commit.ts"
import { openStore, type StoreChoice } from "./store.ts"

export interface ServerConfig {
  listen: readonly HostPort[]
  /** The address that nodes reach the API at; the first of `listen` that is not loopback unless told. */
  advertise: string | undefined
  dataDirectory: string
  store: StoreChoice
  withNode: boolean
  imagesDirectory: string
  registry: HostPort | undefined
  certsDirectory: string
  publicRegistries: PublicRegistries
  /** How old a version of an object may become before it is forgotten. */
  compactAfterMs: number
  /** Undefined: one profile with every plugin on. */
  scheduler: SchedulerConfiguration | undefined
  logLevel: "debug" | "info" | "warn" | "error"
}

interface ServerDeps {
  config: ServerConfig
  pki: Pki
  store: Store
  clock: Clock
  random: Random
  metrics: MetricsRegistry
  log: Logger
}

/** Runs a control plane until it is told to stop. */
export async function runServer(config: ServerConfig): Promise<void> {
  const log = newLogger({ level: config.logLevel })
  const clock = systemClock
  const hosts = [...config.listen.map(({ host }) => host), advertisedAddress(config).advertiseAddress]
  const pki = await openPki(config.dataDirectory, hosts, log)
  const store = openStore({
    choice: config.store,
    dataDirectory: config.dataDirectory,
    clock,
    log,
    random: systemRandom,
  })
  const deps = { config, pki, store, clock, random: systemRandom, metrics: new MetricsRegistry(), log }
  await runUntilSignalled(newControlPlane(deps), log)
}

/** Everything of a control plane, in the order in which it starts. */
export function newControlPlane(deps: ServerDeps): Component {
  const { config, pki, store, clock, random, metrics, log } = deps
  const advertised = advertisedAddress(config)
  const security = newSecurity({
    ...{ pki, clock, random, log: log.child({ component: "security" }) },
    services: {
      ...advertised,
      kubernetesAddress: cluster.kubernetesServiceAddress,
      dnsAddress: cluster.dnsServiceAddress,
      dnsPort: cluster.dnsPort,
      serviceCidr: cluster.serviceCIDR,
      isShared: config.store.engine === "etcd",
    },
  })
  const apiServer = newApiServer({
    ...{ store, clock, random, metrics, log: log.child({ component: "apiserver" }) },
    config: (internals) => ({
      ...security.configure(internals),
      listen: config.listen,
      gitCommit: sourceCommit(),
      compactAfterMs: config.compactAfterMs,
      tls: {
        cert: pki.serving.certificate,
        key: pki.serving.key,
        clientCA: [pki.caCertificate, pki.frontProxyCaCertificate],
      },
      frontProxy: { cert: pki.frontProxyClient.certificate, key: pki.frontProxyClient.key },
      advertiseAddress: `${advertised.advertiseAddress}:${advertised.port}`,
      serviceCidr: cluster.serviceCIDR,
      kubelet: { ca: pki.caCertificate, cert: pki.kubeletClient.certificate, key: pki.kubeletClient.key },
    }),
  })
  const clientOf = (over: AbortSignal | undefined, name: string, ...groups: string[]) =>
    newClient(fenced(apiServer.transport({ name, groups: [...groups, "system:authenticated"] }), over))
  const controllers = (over?: AbortSignal): Component =>
    newControllers({
      ...{ clock, random, metrics, log: log.child({ component: "controllers" }) },
      client: clientOf(over, "system:kube-controller-manager"),
      clientFor: (account) =>
        clientOf(
          over,
          `system:serviceaccount:kube-system:${account}`,
          "system:serviceaccounts",
          "system:serviceaccounts:kube-system",
        ),
      config: {
        clusterCidr: cluster.podCIDR,
        rootCa: pki.caCertificate,
        signServiceAccountToken: security.signLegacyToken,
      },
    })
  const scheduler = (over?: AbortSignal): Component =>
    newScheduler({
      ...(config.scheduler ? { configuration: config.scheduler } : {}),
      ...{ clock, random, metrics, log: log.child({ component: "scheduler" }) },
      client: clientOf(over, "system:kube-scheduler"),
    })
  // Where no other server can have the store, nobody is to be asked who leads.
  const isShared = config.store.engine === "etcd"
  const alone = (name: string, create: (over?: AbortSignal) => Component): Component => {
    if (!isShared) return create()
    const client = clientOf(undefined, `system:${name}`)
    return whileLeading({ ...{ name, client, create, clock, random }, log: log.child({ component: name }) })
  }
  const storeComponent: Component = { name: "store", start: async () => undefined, stop: () => store.close() }
  return new ComponentGroup(
    "server",
    [
      storeComponent,
      ...mirrorComponents(config, log),
      apiServer,
      security,
      adminKubeconfig(deps),
      alone("kube-controller-manager", controllers),
      alone("kube-scheduler", scheduler),
      ...(config.withNode ? [newOwnNode({ config, pki, clock, log, ...advertised })] : []),
    ],
    log,
  )
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || host.startsWith("127.")

const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::"

/** Where nodes and pods reach the API server. */
function advertisedAddress({ listen, advertise }: ServerConfig): { advertiseAddress: string; port: number } {
  const reachable = listen.find(({ host }) => !isLoopback(host)) ?? listen[0]
  const host = reachable && isWildcard(reachable.host) ? machineAddress() : reachable?.host
  return { advertiseAddress: advertise ?? host ?? "127.0.0.1", port: reachable?.port ?? 6443 }
}

/** Once the API listens, the administrator's way in is written. */
function adminKubeconfig({ config, pki }: ServerDeps): Component {
  return {
    name: "admin-kubeconfig",
    start: async () => {
      const [first] = config.listen
      const host = first === undefined || isWildcard(first.host) ? "127.0.0.1" : first.host
      const shown = host.includes(":") ? `[${host}]` : host
      await writeAdminKubeconfig(config.dataDirectory, pki, `https://${shown}:${first?.port ?? 6443}`)
    },
    stop: async () => undefined,
  }
}

/** The image mirror, and the file that sends containerd to it; nothing when it is not wanted. */
function mirrorComponents(config: ServerConfig, log: Logger): Component[] {
  const { registry: at } = config
  if (!at) return []
  const hosts = newMirrorHosts({
    certsDirectory: config.certsDirectory,
    mirror: `http://${at.host}:${at.port}`,
    publicRegistries: config.publicRegistries,
    log: log.child({ component: "mirror" }),
  })
  const registry = newRegistry({
    store: new ImageStore(config.imagesDirectory),
    ...at,
    log: log.child({ component: "registry" }),
    onMiss: (name) => hosts.missed(name),
  })
  return [registry, hosts]
}
