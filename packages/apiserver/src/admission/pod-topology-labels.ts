import { type corev1, refs } from "@ladya/api"
import type { Lookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout } from "./refuse.ts"

/** What pods may learn of the place they run in. */
const shared = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"]

/** Pods get the zone and region of their node as labels, when they are bound to it. Labels of their own stand. */
export class PodTopologyLabels implements AdmissionPlugin {
  readonly name = "PodTopologyLabels"
  readonly #lookup: Lookup

  constructor(deps: { lookup: Lookup }) {
    this.#lookup = deps.lookup
  }

  handles(attributes: AdmissionAttributes): boolean {
    const { operation, object, view } = attributes
    const isBinding = operation === "UPDATE" && isAbout(attributes, "", "pods", "binding")
    const isBorn = operation === "CREATE" && isAbout(attributes, "", "pods")
    return view === undefined && (isBinding || isBorn) && Boolean((object as corev1.Pod | undefined)?.spec?.nodeName)
  }

  async mutate({ object }: AdmissionAttributes): Promise<void> {
    const pod = object as corev1.Pod
    const node = await this.#lookup.get(refs.nodes, "", pod.spec?.nodeName ?? "")
    // The binding of a pod to a node that nobody knows yet is none of this plugin's business.
    const found = shared.flatMap((label) => {
      const value = node?.metadata.labels?.[label]
      return value === undefined ? [] : [[label, value] as const]
    })
    if (found.length > 0) pod.metadata.labels = { ...Object.fromEntries(found), ...pod.metadata.labels }
  }
}
