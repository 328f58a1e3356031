import { type corev1, defaultStorageClass, refs, volumeAnnotations } from "@ladya/api"
import type { Lookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout } from "./refuse.ts"

/** Claims that name no class get the default one: the newest where several are marked. */
export class DefaultStorageClass implements AdmissionPlugin {
  readonly name = "DefaultStorageClass"
  readonly #lookup: Lookup

  constructor(deps: { lookup: Lookup }) {
    this.#lookup = deps.lookup
  }

  handles(attributes: AdmissionAttributes): boolean {
    return attributes.operation === "CREATE" && isAbout(attributes, "", "persistentvolumeclaims")
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const { metadata, spec } = attributes.object as corev1.PersistentVolumeClaim
    // An empty name is a wish too: no class at all.
    if (
      !spec ||
      spec.storageClassName !== undefined ||
      metadata.annotations?.[volumeAnnotations.betaClass] !== undefined
    )
      return
    const classes = await this.#lookup.list(refs.storageclasses)
    const name = defaultStorageClass(classes)?.metadata.name
    if (name) spec.storageClassName = name
  }
}
