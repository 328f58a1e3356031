import { type corev1, refs, type storagev1 } from "@ladya/api"
import type { Lookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout } from "./refuse.ts"

const legacyClass = "volume.beta.kubernetes.io/storage-class"
const defaultMarks = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]

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
    if (!spec || spec.storageClassName !== undefined || metadata.annotations?.[legacyClass] !== undefined) return
    const classes = await this.#lookup.list(refs.storageclasses)
    const [first] = classes.filter(isDefault).sort(newestFirst)
    if (first?.metadata.name) spec.storageClassName = first.metadata.name
  }
}

function isDefault({ metadata }: storagev1.StorageClass): boolean {
  return defaultMarks.some((mark) => metadata.annotations?.[mark] === "true")
}

function newestFirst({ metadata: a }: storagev1.StorageClass, { metadata: b }: storagev1.StorageClass): number {
  const [left = "", right = ""] = [a.creationTimestamp, b.creationTimestamp]
  if (left !== right) return left < right ? 1 : -1
  return (a.name ?? "") < (b.name ?? "") ? -1 : 1
}
