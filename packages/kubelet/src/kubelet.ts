import { readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { totalmem } from "node:os"
import { type corev1, refs } from "@ladya/api"
import { formatTime, isStatus, quantityToNumber } from "@ladya/apimachinery"
import { type Client, type InformerFactory, newEventRecorder } from "@ladya/client"
import type { CriClient } from "@ladya/cri"
import { type Clock, type Component, ComponentGroup, type Logger, MetricsRegistry, type Random } from "@ladya/util"
import type { KubeletConfig } from "./config.ts"
import type { ConfigReader } from "./containers/environment.ts"
import { serviceEnvironment } from "./containers/service-env.ts"
import { newContainerStarter } from "./containers/starter.ts"
import { newPodEvents } from "./events/pod-events.ts"
import { newRuntimeWatch } from "./events/runtime-watch.ts"
import { newEviction } from "./eviction/new-eviction.ts"
import { newImageCollector } from "./images/image-gc.ts"
import { newHookRunner } from "./lifecycle/hooks.ts"
import { newKiller } from "./lifecycle/killer.ts"
import { newNode } from "./node/index.ts"
import { planAdmission } from "./pods/admission/admission.ts"
import { newChangeHub } from "./pods/change-hub.ts"
import { newPodDirectories } from "./pods/directories.ts"
import { newPodManager, type PodManager } from "./pods/manager.ts"
import { type Pod, podUid } from "./pods/pod.ts"
import { newPodSource } from "./pods/pod-source.ts"
import { planResize } from "./pods/resize/resize.ts"
import { newMirrorPods } from "./pods/static/mirror-pods.ts"
import { newStaticPods } from "./pods/static/static-pods.ts"
import { newProbeManager } from "./probes/manager.ts"
import { newProbeRunner } from "./probes/runner.ts"
import { newPodCgroups } from "./runtime/cgroups.ts"
import { parseResolvConf } from "./runtime/dns.ts"
import { newGate } from "./runtime/gate.ts"
import { newImagePuller } from "./runtime/image-puller.ts"
import { newLogRotation } from "./runtime/log-rotation.ts"
import { newMemoryKills } from "./runtime/memory-kills.ts"
import { newRuntimeCache } from "./runtime/runtime-cache.ts"
import { newServer, type PodSource } from "./server/index.ts"
import { newStatusWriter } from "./status/status-writer.ts"
import { newVolumes } from "./volumes/index.ts"

export interface KubeletDeps {
  client: Client
  informers: InformerFactory
  cri: CriClient
  clock: Clock
  random: Random
  log: Logger
  config: KubeletConfig
  /** What the process counts; shown at the kubelet's `/metrics`. */
  metrics?: MetricsRegistry
}

/** A node's agent: keeps the pods that are bound to the node running, and tells the API of node and pods. */
export interface Kubelet extends Component {
  readonly podSource: PodSource
  /** Resolves when the node has been reported Ready. */
  ready(): Promise<void>
}

/** Sandboxes and containers that are made at once: more would only wait for the same two cores. */
const parallelStarts = 8

function newConfigReader(client: Client): ConfigReader {
  const orNone = <T>(read: Promise<T>): Promise<T | undefined> =>
    read.catch((error: unknown) => {
      if (isStatus(error, "NotFound")) return undefined
      throw error
    })
  return {
    configMap: (namespace, name) => orNone(client.resource(refs.configmaps).get(name, { namespace })),
    secret: (namespace, name) => orNone(client.resource(refs.secrets).get(name, { namespace })),
  }
}

async function runtimeHandler(client: Client, pod: Pod): Promise<string> {
  const name = pod.spec?.runtimeClassName
  if (!name) return ""
  try {
    return (await client.resource(refs.runtimeclasses).get(name)).handler
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error
    throw new Error(`RuntimeClass ${JSON.stringify(name)} not found`)
  }
}

/** Puts a node's agent together. It leaves every container running when it stops. */
export function newKubelet(deps: KubeletDeps): Kubelet {
  const { client, informers, cri, clock, random, log, config } = deps
  const { runtime } = cri
  const services = informers.informer(refs.services)
  const nodes = informers.informer(refs.nodes, { fieldSelector: `metadata.name=${config.nodeName}` })
  const podInformer = informers.informer(refs.pods, { fieldSelector: `spec.nodeName=${config.nodeName}` })

  const recorder = newEventRecorder({ ...deps, component: "kubelet", host: config.nodeName })
  const events = newPodEvents(recorder)
  const nodeReference: corev1.ObjectReference = { kind: "Node", name: config.nodeName, uid: config.nodeName }
  const nodeEvent = (type: "Normal" | "Warning", reason: string, message: string): void =>
    recorder.event(nodeReference, type, reason, message)
  const node = newNode({
    client,
    nodes,
    cri,
    clock,
    log: log.child({ part: "node" }),
    config: { ...config, internalIps: config.nodeIps, kubeletPort: config.port },
    pressure: () => eviction.pressure(),
    event: nodeEvent,
  })

  const changes = newChangeHub()
  const wake = (uid: string): void => {
    changes.tell(uid)
    pods.wake(uid)
  }
  const allocatable = (): Readonly<Record<string, string>> => node.allocatable()
  const memoryCapacityBytes = (): number => quantityToNumber(node.current()?.status?.capacity?.["memory"] ?? totalmem())
  const memoryKills = newMemoryKills({ clock })
  const cache = newRuntimeCache({ runtime, memoryKills })
  const directories = newPodDirectories(config.dataDirectory)
  const cgroups = newPodCgroups({ root: config.cgroupRoot, log })
  const puller = newImagePuller({ images: cri.images, clock })
  const hooks = newHookRunner({ runtime, clock })
  const gate = newGate(parallelStarts)
  const mirrors = newMirrorPods({
    ...{ client, clock, log, pods: podInformer },
    node: () => node.current(),
    changed: wake,
  })
  const status = newStatusWriter({ client, clock, log, mirror: (pod) => mirrors.of(podUid(pod)) })
  const hostIps = (): readonly string[] => config.nodeIps
  const { manager: volumes } = newVolumes({
    ...{ root: config.dataDirectory, client, clock, random, log, allocatable },
    retry: wake,
    refreshFailed: (pod, { message }) => events.pod(pod, "Warning", "FailedMount", message),
  })
  const probes = newProbeManager({
    runner: newProbeRunner({ runtime, clock }),
    clock,
    random,
    hostIp: () => config.nodeIps[0] ?? "",
    changed: wake,
    event: events.container,
  })
  const starter = newContainerStarter({
    ...{ runtime, puller, hooks, volumes, directories, events, gate, allocatable },
    reader: newConfigReader(client),
    cgroupVersion: cgroups.version,
    memoryCapacityBytes,
    serviceVariables: (pod) =>
      serviceEnvironment(services.values(), {
        namespace: pod.metadata.namespace ?? "",
        enableServiceLinks: pod.spec?.enableServiceLinks !== false,
      }),
  })
  const pods: PodManager = newPodManager({
    ...{ runtime, cache, starter, puller, probes, status, events, volumes, cgroups, directories, clock, gate, hostIps },
    log: log.child({ part: "pods" }),
    pods: podInformer,
    mirrors,
    killer: newKiller({ runtime, hooks, clock, log, event: events.container }),
    timeText: formatTime,
    resolver: () => ({
      clusterDns: config.clusterDns,
      clusterDomain: config.clusterDomain,
      node: parseResolvConf(readOrEmpty(config.resolvConf)),
    }),
    nodeHosts: () => readFile("/etc/hosts", "utf8").catch(() => "127.0.0.1\tlocalhost\n"),
    runtimeHandler: (pod) => runtimeHandler(client, pod),
    admit: (pod, others) => eviction.refusal(pod) ?? planAdmission({ pod, node: node.current(), others }),
    resize: (asked, granted, others) => planResize(asked, granted, { node: node.current(), others }),
    memoryCapacityBytes,
  })
  const watch = newRuntimeWatch({
    cri,
    cache,
    memoryKills,
    clock,
    log: log.child({ part: "runtime" }),
    changed: wake,
    relisted: (uids) => pods.seen(uids),
  })

  /** What must be stopped beside the components: timers, watches and writers. */
  const tools: Component = {
    name: "tools",
    start: async () => {
      await Promise.all([services.start(), nodes.start()])
    },
    stop: async () => {
      volumes.stop()
      probes.stop()
      mirrors.stop()
      memoryKills.close()
    },
  }
  const writer: Component = {
    name: "status writer",
    start: async () => undefined,
    // Before the pods are let go: they may be waiting for it.
    stop: async () => status.stop(),
  }
  const podSource = newPodSource({ pods, cache, runtime, cgroups, changes, clock })
  const images = newImageCollector({ cri, clock, event: nodeEvent, log: log.child({ part: "images" }) })
  const eviction = newEviction({
    ...{ cri, clock, pods: podSource, images, directories, event: nodeEvent },
    log: log.child({ part: "eviction" }),
    // A moment for last words, no more: the node is short.
    evict: (pod, why) => pods.evict(pod.metadata.uid ?? "", why, 1),
    changed: () => node.trigger(),
  })
  const server = newServer({
    ...{ client, runtime, clock, pods: podSource },
    log: log.child({ part: "server" }),
    metrics: deps.metrics ?? new MetricsRegistry(),
    nodeName: config.nodeName,
    dataDirectory: config.dataDirectory,
    config: { host: config.nodeIps[0] ?? "", port: config.port, ...config.serving },
  })
  const rotation = newLogRotation({ runtime, clock, log, running: () => cache.running() })
  const manifests = config.manifestDirectory
    ? [
        newStaticPods({
          ...{ directory: config.manifestDirectory, nodeName: config.nodeName, clock, log },
          added: (pod) => pods.addStatic(pod),
          removed: (pod) => pods.removeStatic(pod),
        }),
      ]
    : []
  // Static pods are known before anybody asks which of the runtime's pods are nobody's.
  const parts = [recorder, tools, server, node, watch, ...manifests, pods, rotation, images, eviction, writer]
  const group = new ComponentGroup("kubelet", parts, log)
  return {
    name: "kubelet",
    start: () => group.start(),
    stop: (signal) => group.stop(signal),
    ready: () => node.ready(),
    podSource,
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
