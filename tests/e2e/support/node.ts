import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { newApiServer } from "@ladya/apiserver"
import { type Client, newClient } from "@ladya/client"
import { type CriClient, newCriClient } from "@ladya/cri"
import { defaultReserved, type KubeletConfig } from "@ladya/kubelet"
import {
  type ClusterLink,
  clusterPaths,
  detectHost,
  endProcess,
  ensureBuiltinImages,
  ensureLink,
  ensureMachine,
  haltMachine,
  ImageStore,
  isAlive,
  type NodeState,
  newMirrorHosts,
  newRegistry,
  nodeAddress,
  nodeCgroup,
  type ProcessRecord,
  pullImages,
  removeCgroup,
  removeLink,
  sandboxImage,
  spawnInMachine,
} from "@ladya/ladya"
import { newMemoryStore } from "@ladya/store"
import { MetricsRegistry, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { newTestPki } from "../../integration/certificates.ts"
import { admin, allowAll, makeNamespace } from "../../integration/harness.ts"
import { type KubectlResult, kubeconfigText, runKubectl } from "./kubectl.ts"
import type { KubeletMainConfig } from "./kubelet-main.ts"
import { PodHistory } from "./pod-history.ts"

export const busybox = "docker.io/library/busybox:latest"

export type Pod = corev1.Pod

/** A machine with containerd and a kubelet of its own, and the API server in this process that it obeys. */
export interface TestNode {
  client: Client
  cri: CriClient
  name: string
  /** Everything of the test is below it. */
  home: string
  dataDirectory: string
  address: string
  images: ImageStore
  machine(): ProcessRecord
  /** Stops the kubelet, kindly or with SIGKILL; what it runs goes on. */
  stopKubelet(graceMs: number): Promise<void>
  startKubelet(): Promise<void>
  /** Kills containerd alone; what it runs goes on. */
  killContainerd(): Promise<void>
  /** Turns the machine off, as a power cut does. */
  halt(): Promise<void>
  /** Starts what does not run: the machine, containerd. */
  boot(): Promise<void>
  /** Creates a pod bound to the node. */
  run(pod: Pod): Promise<Pod>
  get(name: string): Promise<Pod | undefined>
  /**
   * Waits until the pod is as wanted, or was so for a moment since the last wait for it. The error shows its status, its
   * events and what the kubelet logged.
   */
  until(name: string, what: string, wanted: (pod: Pod) => unknown, timeoutMs?: number): Promise<Pod>
  /** Deletes the pod and waits until it is gone. */
  remove(name: string, gracePeriodSeconds?: number): Promise<void>
  events(name: string): Promise<string[]>
  /** Waits for an event of the pod, as `type reason field message`: events are told of after what they tell of. */
  untilEvent(name: string, event: string | RegExp): Promise<string>
  exec(pod: string, container: string, ...command: string[]): Promise<string>
  log(): Promise<string>
  /** Runs the machine's own kubectl as an administrator; rejects when it fails unless `code` is expected. */
  kubectl(args: readonly string[], options?: { input?: string | Buffer; code?: number }): Promise<KubectlResult>
  /** What kubectl needs to be run by the test itself. */
  kubeconfig: string
  stop(): Promise<void>
}

/** A pod with one busybox container; `spec` and `container` are laid over it. */
export function busyboxPod(
  name: string,
  container: Partial<corev1.Container> = {},
  spec: Partial<corev1.PodSpec> = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: "main", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["sleep", "100000"], ...container },
      ],
      ...spec,
    },
  }
}

/** However slow the machine is, by then it has happened or never will. */
export const patienceMs = 120_000

/** The error, with what a person needs who cannot look at the machine. */
async function explained(node: TestNode, podName: string, pod: Pod | undefined, error: unknown): Promise<Error> {
  const events = await node.events(podName).catch(() => [])
  const lines = (await node.log()).trimEnd().split("\n")
  const about = lines.filter((line) => line.includes(podName) || line.includes(pod?.metadata.uid ?? podName))
  return new Error(
    [
      error instanceof Error ? error.message : String(error),
      `pod: ${JSON.stringify({ deletionTimestamp: pod?.metadata.deletionTimestamp, ...pod?.status })}`,
      ...events.slice(-6).map((event) => `event: ${event}`),
      ...(about.length > 0 ? about : lines).slice(-7).map((line) => `kubelet: ${line}`),
    ].join("\n"),
  )
}

/** Boots it all; call `stop` at the end. `name` must be the test file's own. */
export async function startTestNode(name: string, config: Partial<KubeletConfig> = {}): Promise<TestNode> {
  const facts = detectHost()
  const home = await mkdtemp(join(tmpdir(), `ladya-e2e-${name}-`))
  const paths = clusterPaths(`e2e-${name}`, home)
  const link: ClusterLink = await ensureLink(paths.directory, undefined)
  const node: NodeState = { name: "n1", address: nodeAddress(link, 1), veth: `${link.bridge}n1`, processes: {} }
  const store = new ImageStore(paths.images)
  await ensureBuiltinImages(store, facts.architecture)
  const registry = newRegistry({ store, host: link.gateway, port: 0, log: silentLogger })
  await registry.start()
  const mirror = `http://${link.gateway}:${registry.port()}`
  await newMirrorHosts({ certsDirectory: paths.certs, mirror, publicRegistries: "off", log: silentLogger }).start()
  await mkdir(paths.logs, { recursive: true })

  const pki = await newTestPki()
  const objects = newMemoryStore({ clock: systemClock })
  const server = newApiServer({
    ...{ store: objects, clock: systemClock, log: silentLogger, random: newRandom(1), metrics: new MetricsRegistry() },
    config: {
      authorizers: [allowAll],
      listen: [{ host: link.gateway, port: 0 }],
      tls: { cert: pki.server.cert, key: pki.server.key, clientCA: pki.ca },
      kubelet: { ca: pki.ca, ...(await pki.client("kube-apiserver-kubelet-client", ["system:masters"])) },
    },
  })
  await server.start()
  const client = newClient(server.transport(admin))
  const pods = client.resource(refs.pods)
  const history = new PodHistory(client)
  for (const namespace of ["default", "kube-node-lease"]) await makeNamespace(client, namespace)

  const { directory } = paths.node(node.name)
  const socket = `${directory}/containerd/containerd.sock`
  const boot = (): Promise<void> => ensureMachine({ paths, link, facts, save: async () => undefined }, node)
  await boot()
  await pullImages(socket, [busybox, sandboxImage])
  const cri = newCriClient({ socket })
  const cert = await pki.client(`system:node:${node.name}`, ["system:nodes"])
  const { port } = server.addresses()[0] as AddressInfo
  const main: KubeletMainConfig = {
    access: { server: `https://${link.gateway}:${port}`, ca: pki.ca, ...cert, tlsServerName: "localhost" },
    socket,
    kubelet: {
      nodeName: node.name,
      hostname: node.name,
      nodeIps: [node.address],
      dataDirectory: directory,
      cgroupRoot: nodeCgroup(paths.name, node.name),
      cniDirectory: `${directory}/containerd/cni.d`,
      cni: { bridge: "cni0", mtu: 1450, ipamDirectory: "/run/cni-ipam" },
      port: 10250,
      serving: { certificate: pki.server.cert, key: pki.server.key, clientCa: pki.ca },
      maxPods: 110,
      reserved: defaultReserved,
      labels: {},
      taints: [],
      clusterDns: ["10.96.0.10"],
      clusterDomain: "cluster.local",
      resolvConf: "/etc/resolv.conf",
      ...config,
    },
  }
  const adminCert = await pki.client("admin", ["system:masters"])
  const kubeconfig = join(home, "kubeconfig")
  await writeFile(kubeconfig, kubeconfigText({ ...main.access, ...adminCert }), { mode: 0o600 })
  const configFile = join(home, "kubelet.json")
  await writeFile(configFile, JSON.stringify(main), { mode: 0o600 })
  const logFile = join(paths.logs, "kubelet.log")
  let kubelet: ProcessRecord | undefined

  const self: TestNode = {
    ...{ client, cri, name: node.name, home, dataDirectory: directory, address: node.address, images: store },
    machine: () => node.processes.machine as ProcessRecord,
    async stopKubelet(graceMs) {
      if (kubelet && isAlive(kubelet)) await endProcess(kubelet, graceMs)
    },
    async startKubelet() {
      const script = join(import.meta.dirname, "kubelet-main.ts")
      kubelet = await spawnInMachine(self.machine(), [process.execPath, script, configFile], { log: logFile })
    },
    async killContainerd() {
      await endProcess(node.processes.containerd as ProcessRecord, 0)
    },
    halt: () => haltMachine(node.processes.machine),
    boot,
    run(pod) {
      history.forget(pod.metadata.name ?? "")
      return pods.create({ ...pod, spec: { ...(pod.spec as corev1.PodSpec), nodeName: node.name } })
    },
    get: (podName) =>
      pods.get(podName, { namespace: "default" }).catch((error: unknown) => {
        if (isStatus(error, "NotFound")) return undefined
        throw error
      }),
    async until(podName, what, wanted, timeoutMs = patienceMs) {
      let last: Pod | undefined
      const find = async (): Promise<Pod | undefined> => {
        last = await self.get(podName)
        return last && wanted(last) ? last : history.find(podName, wanted)
      }
      const options = { description: `pod ${podName}: ${what}`, timeoutMs }
      try {
        return await waitFor(systemClock, find, options)
      } catch (error) {
        throw await explained(self, podName, last, error)
      }
    },
    async untilEvent(podName, event) {
      const matches = (text: string): boolean => (typeof event === "string" ? text === event : event.test(text))
      const find = async (): Promise<string | undefined> => (await self.events(podName)).find(matches)
      const options = { description: `the event ${event} of pod ${podName}`, timeoutMs: patienceMs }
      try {
        return await waitFor(systemClock, find, options)
      } catch (error) {
        throw await explained(self, podName, await self.get(podName), error)
      }
    },
    async remove(podName, gracePeriodSeconds) {
      const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
      await pods.delete(podName, { namespace: "default", ...grace })
      await waitFor(systemClock, async () => !(await self.get(podName)), {
        description: `pod ${podName} to be gone`,
        timeoutMs: patienceMs,
      }).catch(async (error: unknown) => {
        throw await explained(self, podName, await self.get(podName), error)
      })
    },
    async events(podName) {
      const { items } = await client.resource(refs.events).list({ namespace: "default" })
      return items
        .filter(({ involvedObject }) => involvedObject.name === podName)
        .map(({ type, reason, message, involvedObject }) =>
          [type, reason, involvedObject.fieldPath, message].filter(Boolean).join(" "),
        )
    },
    async exec(podName, container, ...command) {
      const [found] = await cri.runtime.listContainers({
        state: "CONTAINER_RUNNING",
        labelSelector: { "io.kubernetes.pod.name": podName, "io.kubernetes.container.name": container },
      })
      if (!found) throw new Error(`container ${container} of pod ${podName} is not running`)
      const { stdout, stderr, exitCode } = await cri.runtime.execSync(found.id, command, { execTimeoutSeconds: 60 })
      if (exitCode !== 0) throw new Error(`${command.join(" ")}: exit code ${exitCode}: ${stderr}`)
      return stdout.toString("utf8")
    },
    kubeconfig,
    kubectl: (args, options) => runKubectl(["--kubeconfig", kubeconfig, ...args], options),
    log: () => readFile(logFile, "utf8").catch(() => ""),
    async stop() {
      history.stop()
      cri.close()
      await self.stopKubelet(0)
      await haltMachine(node.processes.machine)
      await server.stop(AbortSignal.timeout(2000))
      await objects.close()
      await registry.stop(AbortSignal.abort())
      await removeLink(paths.directory, link)
      await removeCgroup(`/ladya-${paths.name}`, facts)
      await rm(home, { recursive: true, force: true })
    },
  }

  await self.startKubelet()
  await giveRange(client, node.name).catch(async (error: unknown) => {
    const log = await self.log()
    await self.stop()
    throw new Error(`${String(error)}\n${log.slice(-4000)}`)
  })
  return self
}

/** What the cluster's controllers do: gives the node its range of pod addresses; waits until it is Ready. */
async function giveRange(client: Client, name: string): Promise<void> {
  const nodes = client.resource(refs.nodes)
  await waitFor(
    systemClock,
    () => nodes.patch(name, "merge", { spec: { podCIDR: "10.244.1.0/24", podCIDRs: ["10.244.1.0/24"] } }),
    {
      description: "the node to register",
      timeoutMs: patienceMs,
    },
  )
  await waitFor(
    systemClock,
    async () =>
      (await nodes.get(name)).status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
    { description: "the node to be Ready", timeoutMs: patienceMs },
  )
}

/** The status of one container of a pod. */
export function statusOf(pod: Pod, container = "main"): corev1.ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {}
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    ({ name }) => name === container,
  )
}

/** Whether the pod's condition of this type is True. */
export function isTrue(pod: Pod, type: string): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false
}
