import { type corev1, refs, type schedulingv1 } from "@ladya/api"
import type { Lookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout, refusal } from "./refuse.ts"

type PriorityClass = schedulingv1.PriorityClass
const defaultPreemption = "PreemptLowerPriority"

/** Turns a pod's priority class into its priority; keeps the default class the only one. */
export class Priority implements AdmissionPlugin {
  readonly name = "Priority"
  readonly #lookup: Lookup

  constructor(deps: { lookup: Lookup }) {
    this.#lookup = deps.lookup
  }

  handles(attributes: AdmissionAttributes): boolean {
    const { operation } = attributes
    if (operation === "CREATE" && isAbout(attributes, "", "pods")) return true
    return (
      (operation === "CREATE" || operation === "UPDATE") && isAbout(attributes, "scheduling.k8s.io", "priorityclasses")
    )
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const { spec } = attributes.object as corev1.Pod
    if (attributes.kind.resource !== "pods" || !spec) return
    const priorityClass = await this.#classOf(attributes, spec)
    const priority = priorityClass?.value ?? 0
    const preemptionPolicy = priorityClass?.preemptionPolicy ?? defaultPreemption
    if (spec.priority !== undefined && spec.priority !== priority) {
      throw refusal(
        attributes,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
      )
    }
    if (spec.preemptionPolicy && spec.preemptionPolicy !== preemptionPolicy) {
      throw refusal(
        attributes,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`,
      )
    }
    spec.priority = priority
    spec.preemptionPolicy = preemptionPolicy
    if (priorityClass?.metadata.name) spec.priorityClassName = priorityClass.metadata.name
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.kind.resource !== "priorityclasses") return
    const { globalDefault, metadata } = attributes.object as PriorityClass
    if (!globalDefault) return
    const standing = await this.#defaultClass()
    if (!standing || standing.metadata.name === metadata.name) return
    throw refusal(
      attributes,
      `PriorityClass ${standing.metadata.name} is already marked as default. Only one default can exist`,
    )
  }

  async #classOf(attributes: AdmissionAttributes, spec: corev1.PodSpec): Promise<PriorityClass | undefined> {
    const name = spec.priorityClassName
    if (!name) return this.#defaultClass()
    const found = await this.#lookup.get(refs.priorityclasses, "", name)
    if (!found) throw refusal(attributes, `no PriorityClass with name ${name} was found`)
    return found
  }

  /** The class of pods that name none; the lowest when there are several. */
  async #defaultClass(): Promise<PriorityClass | undefined> {
    const classes = await this.#lookup.list(refs.priorityclasses)
    return classes.filter((one) => one.globalDefault).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0]
  }
}
