import { refs } from "@ladya/api"
import { statusError } from "@ladya/apimachinery"
import { type Clock, sleep } from "@ladya/util"
import type { Lookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout, refusal } from "./refuse.ts"

const immortal = ["default", "kube-system", "kube-public"]
/** A namespace may just be on its way: so long is waited before it is looked for again, in milliseconds. */
const retryAfterMs = 50

/** Nothing is created in a namespace that is not there or is going, and some namespaces never go. */
export class NamespaceLifecycle implements AdmissionPlugin {
  readonly name = "NamespaceLifecycle"
  readonly #lookup: Lookup
  readonly #clock: Clock

  constructor(deps: { lookup: Lookup; clock: Clock }) {
    this.#lookup = deps.lookup
    this.#clock = deps.clock
  }

  handles(attributes: AdmissionAttributes): boolean {
    const { operation, kind } = attributes
    if (operation === "DELETE") return isAbout(attributes, "", "namespaces")
    // Rights are asked about namespaces that are still to come.
    return operation === "CREATE" && kind.namespaced && kind.resource !== "localsubjectaccessreviews"
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const { operation, name, namespace } = attributes
    if (operation === "DELETE") {
      if (immortal.includes(name)) throw refusal(attributes, "this namespace may not be deleted")
      return
    }
    let found = await this.#lookup.get(refs.namespaces, "", namespace)
    if (!found) {
      await sleep(this.#clock, retryAfterMs)
      found = await this.#lookup.get(refs.namespaces, "", namespace)
    }
    if (!found) throw statusError.notFound(refs.namespaces, namespace)
    if (!found.metadata.deletionTimestamp && found.status?.phase !== "Terminating") return
    const error = refusal(
      attributes,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    )
    const cause = {
      reason: "NamespaceTerminating",
      message: `namespace ${namespace} is being terminated`,
      field: "metadata.namespace",
    }
    error.status.details = { ...error.status.details, causes: [cause] }
    throw error
  }
}
