import { type corev1, type nodev1, refs } from "@ladya/api"
import { compareQuantities } from "@ladya/apimachinery"
import type { Lookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout, refusal } from "./refuse.ts"

/** Gives a pod the overhead of its runtime and the rules of where that runtime is. */
export class RuntimeClass implements AdmissionPlugin {
  readonly name = "RuntimeClass"
  readonly #lookup: Lookup

  constructor(deps: { lookup: Lookup }) {
    this.#lookup = deps.lookup
  }

  handles(attributes: AdmissionAttributes): boolean {
    if (attributes.operation !== "CREATE" || !isAbout(attributes, "", "pods")) return false
    const { spec } = attributes.object as corev1.Pod
    return Boolean(spec?.runtimeClassName) || spec?.overhead !== undefined
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const { spec } = attributes.object as corev1.Pod
    const runtime = await this.#classOf(attributes)
    if (!spec || !runtime) return
    const fixed = runtime.overhead?.podFixed
    if (fixed) {
      if (spec.overhead && !sameAmounts(spec.overhead, fixed)) {
        throw refusal(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
      }
      spec.overhead = { ...fixed }
    }
    schedule(attributes, spec, runtime.scheduling)
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { spec } = attributes.object as corev1.Pod
    if (!spec?.overhead || Object.keys(spec.overhead).length === 0) return
    const runtime = await this.#classOf(attributes)
    if (runtime?.overhead?.podFixed) return
    throw refusal(attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
  }

  async #classOf(attributes: AdmissionAttributes): Promise<nodev1.RuntimeClass | undefined> {
    const name = (attributes.object as corev1.Pod).spec?.runtimeClassName
    if (!name) return undefined
    const found = await this.#lookup.get(refs.runtimeclasses, "", name)
    if (!found) throw refusal(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`)
    return found
  }
}

function sameAmounts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every((name) => {
    const [left, right] = [a[name], b[name]]
    return left !== undefined && right !== undefined && compareQuantities(left, right) === 0
  })
}

function schedule(
  attributes: AdmissionAttributes,
  spec: corev1.PodSpec,
  scheduling: nodev1.Scheduling | undefined,
): void {
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key]
    if (own !== undefined && own !== value) {
      throw refusal(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      )
    }
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value }
  }
  const known = new Set((spec.tolerations ?? []).map(identity))
  const added = (scheduling?.tolerations ?? []).filter((one) => !known.has(identity(one)))
  if (added.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...added]
}

function identity({ key, operator, value, effect, tolerationSeconds }: corev1.Toleration): string {
  return JSON.stringify([key, operator, value, effect, tolerationSeconds])
}
