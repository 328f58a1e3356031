import { type corev1, hostPortsOf, podPriority } from "@ladya/api"
import { type AffinityTerm, compileTerms, type WeightedTerm } from "./affinity-terms.ts"
import { type Amounts, podAmounts, podAmountsForScoring } from "./resources.ts"

export interface HostPort {
  readonly hostIP: string
  readonly protocol: string
  readonly hostPort: number
}

const none: readonly never[] = []

const partOf = ({ image, resources, ports, restartPolicy }: corev1.Container): readonly unknown[] => [
  image,
  resources,
  ports,
  restartPolicy,
]

/** A pod with what scheduling asks of it again and again, worked out once. */
export class PodInfo {
  readonly pod: corev1.Pod
  /** `namespace/name`. */
  readonly key: string
  readonly uid: string
  readonly namespace: string
  readonly priority: number
  readonly requests: Amounts
  readonly hostPorts: readonly HostPort[]
  readonly requiredAffinity: readonly AffinityTerm[]
  readonly requiredAntiAffinity: readonly AffinityTerm[]
  readonly preferredAffinity: readonly WeightedTerm[]
  readonly preferredAntiAffinity: readonly WeightedTerm[]
  #forScoring: { milliCpu: number; memory: number } | undefined
  #equivalence: string | undefined

  constructor(pod: corev1.Pod) {
    const { metadata, spec } = pod
    this.pod = pod
    this.namespace = metadata.namespace ?? ""
    this.key = `${this.namespace}/${metadata.name}`
    this.uid = metadata.uid ?? this.key
    this.priority = podPriority(pod)
    this.requests = podAmounts(pod)
    const ports = spec ? hostPortsOf(spec) : none
    this.hostPorts = ports.length > 0 ? ports : none
    const affinity = spec?.affinity
    const terms = compileTerms(pod, affinity?.podAffinity)
    const antiTerms = compileTerms(pod, affinity?.podAntiAffinity)
    this.requiredAffinity = terms.required
    this.preferredAffinity = terms.preferred
    this.requiredAntiAffinity = antiTerms.required
    this.preferredAntiAffinity = antiTerms.preferred
  }

  get forScoring(): { milliCpu: number; memory: number } {
    this.#forScoring ??= podAmountsForScoring(this.pod)
    return this.#forScoring
  }

  /**
   * Everything of the pod that local plugins look at: pods for which this is the same are told the same by them on every
   * node. Undefined for a pod that has run: what it holds counts then, too.
   */
  get equivalence(): string | undefined {
    const { spec, status } = this.pod
    if (!spec || status?.containerStatuses || status?.initContainerStatuses) return undefined
    this.#equivalence ??= JSON.stringify([
      spec.nodeName,
      spec.nodeSelector,
      spec.affinity?.nodeAffinity,
      spec.tolerations,
      spec.overhead,
      spec.resources,
      spec.hostNetwork,
      spec.containers.map(partOf),
      spec.initContainers?.map(partOf),
    ])
    return this.#equivalence
  }

  get labels(): Readonly<Record<string, string>> | undefined {
    return this.pod.metadata.labels
  }

  get hasAffinity(): boolean {
    return (
      this.requiredAffinity.length > 0 ||
      this.requiredAntiAffinity.length > 0 ||
      this.preferredAffinity.length > 0 ||
      this.preferredAntiAffinity.length > 0
    )
  }
}
