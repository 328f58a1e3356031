import type { corev1 } from "@ladya/api"
import { quantityToNumber } from "@ladya/apimachinery"
import type { HostPort, PodInfo } from "./pod-info.ts"
import { type Amounts, accumulate, amountsOf, noAmounts } from "./resources.ts"

const anyAddress = "0.0.0.0"

/** The ports of a node that pods have taken. */
class PortTable {
  /** Addresses by `protocol/port`, with the number of pods on each (a port may be held by an assumed and a real pod). */
  readonly #taken = new Map<string, Map<string, number>>()

  add(port: HostPort): void {
    const key = `${port.protocol}/${port.hostPort}`
    const addresses = this.#taken.get(key) ?? new Map<string, number>()
    const address = port.hostIP || anyAddress
    addresses.set(address, (addresses.get(address) ?? 0) + 1)
    this.#taken.set(key, addresses)
  }

  remove(port: HostPort): void {
    const key = `${port.protocol}/${port.hostPort}`
    const addresses = this.#taken.get(key)
    const address = port.hostIP || anyAddress
    const count = addresses?.get(address) ?? 0
    if (count > 1) addresses?.set(address, count - 1)
    else addresses?.delete(address)
    if (addresses?.size === 0) this.#taken.delete(key)
  }

  conflicts(port: HostPort): boolean {
    const addresses = this.#taken.get(`${port.protocol}/${port.hostPort}`)
    if (!addresses) return false
    const address = port.hostIP || anyAddress
    return address === anyAddress || addresses.has(address) || addresses.has(anyAddress)
  }
}

/** Counts every change of any node: no two states of nodes have the same generation. */
let generations = 0

/** A node and the pods on it, those assumed to be there included, added up as they come and go. */
export class NodeInfo {
  node: corev1.Node
  readonly name: string
  /** A small number of its own among the nodes of the cache; -1 for copies. */
  readonly slot: number
  /** Of this state: another one after each change. */
  generation = 0
  readonly pods = new Map<string, PodInfo>()
  readonly podsWithAffinity = new Map<string, PodInfo>()
  readonly podsWithRequiredAntiAffinity = new Map<string, PodInfo>()
  readonly requested: Amounts = noAmounts()
  /** As `requested`, with the defaults for scoring. */
  readonly requestedForScoring = { milliCpu: 0, memory: 0 }
  readonly ports = new PortTable()
  allocatable: Amounts = noAmounts()
  allowedPods = 0
  /** Bytes by image name. */
  images: ReadonlyMap<string, number> = new Map()

  constructor(node: corev1.Node, slot = -1) {
    this.node = node
    this.slot = slot
    this.name = node.metadata.name ?? ""
    this.setNode(node)
  }

  setNode(node: corev1.Node): void {
    this.node = node
    this.generation = ++generations
    const allocatable = node.status?.allocatable ?? {}
    this.allocatable = amountsOf(allocatable)
    this.allowedPods = quantityToNumber(allocatable["pods"] ?? "0")
    const images = new Map<string, number>()
    for (const image of node.status?.images ?? []) {
      for (const name of image.names ?? []) images.set(name, image.sizeBytes ?? 0)
    }
    this.images = images
  }

  get labels(): Readonly<Record<string, string>> | undefined {
    return this.node.metadata.labels
  }

  addPod(pod: PodInfo): void {
    this.pods.set(pod.uid, pod)
    if (pod.hasAffinity) this.podsWithAffinity.set(pod.uid, pod)
    if (pod.requiredAntiAffinity.length > 0) this.podsWithRequiredAntiAffinity.set(pod.uid, pod)
    this.#account(pod, 1)
  }

  removePod(uid: string): PodInfo | undefined {
    const pod = this.pods.get(uid)
    if (!pod) return undefined
    this.pods.delete(uid)
    this.podsWithAffinity.delete(uid)
    this.podsWithRequiredAntiAffinity.delete(uid)
    this.#account(pod, -1)
    return pod
  }

  /** A copy to try things out on; pods are shared, they do not change. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.node)
    for (const pod of this.pods.values()) copy.addPod(pod)
    return copy
  }

  #account(pod: PodInfo, sign: 1 | -1): void {
    this.generation = ++generations
    accumulate(this.requested, pod.requests, sign)
    this.requestedForScoring.milliCpu += sign * pod.forScoring.milliCpu
    this.requestedForScoring.memory += sign * pod.forScoring.memory
    for (const port of pod.hostPorts) {
      if (sign > 0) this.ports.add(port)
      else this.ports.remove(port)
    }
  }
}
