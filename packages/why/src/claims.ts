import { type corev1, defaultStorageClass, isPodTerminal, refs, volumeRefusal } from "@ladya/api"
import { type Cause, type Finding, healthy, here, waiting } from "./finding.ts"
import { evidenceOf, subjectOf, type View } from "./view.ts"

type Claim = corev1.PersistentVolumeClaim

const protection = "kubernetes.io/pvc-protection"

async function usersOf(view: View, claim: Claim): Promise<corev1.Pod[]> {
  const pods = await view.list(refs.pods, claim.metadata.namespace)
  return pods.filter((pod) =>
    (pod.spec?.volumes ?? []).some(
      ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim.metadata.name,
    ),
  )
}

async function terminatingCause(view: View, claim: Claim): Promise<Cause> {
  const users = (await usersOf(view, claim)).filter((pod) => !isPodTerminal(pod))
  if (users.length > 0) {
    const names = users.map(({ metadata }) => metadata.name).join(", ")
    return waiting(
      `it is deleted when no pod uses it any more; still in use by ${names}`,
      `end ${users.length > 1 ? "those pods" : `pod ${names}`} (or scale its owner down)`,
    )
  }
  const finalizers = (claim.metadata.finalizers ?? []).filter((name) => name !== protection)
  return {
    state: finalizers.length > 0 ? "stuck" : "waiting",
    cause:
      finalizers.length > 0 ? `the finalizers ${finalizers.join(", ")} keep it` : "nothing uses it; it is about to go",
    fix: finalizers.length > 0 ? ["the controller that set them has to do its work"] : ["look again in a moment"],
  }
}

async function pendingCause(view: View, claim: Claim): Promise<Cause> {
  const evidence = evidenceOf(await view.warnings("PersistentVolumeClaim", claim))
  const classes = await view.list(refs.storageclasses)
  const className = claim.spec?.storageClassName
  const storageClass = classes.find(({ metadata }) => metadata.name === className)
  if (className && !storageClass) {
    const known = classes.map(({ metadata }) => metadata.name).join(", ") || "none"
    return {
      state: "stuck",
      cause: `its storage class ${className} does not exist`,
      fix: [`name a class that does (there are: ${known})`, `or create the StorageClass ${className}`],
      evidence,
    }
  }
  if (storageClass?.volumeBindingMode === "WaitForFirstConsumer" && (await usersOf(view, claim)).length === 0) {
    return waiting(
      "its storage class binds when the first pod that uses it is scheduled, and no pod uses it yet",
      "create a pod that mounts it",
    )
  }
  const volumes = await view.list(refs.persistentvolumes)
  const refused = volumes.map((volume) => ({ name: volume.metadata.name ?? "", why: volumeRefusal(volume, claim) }))
  const suits = refused.find(({ why }) => why === undefined)
  if (suits)
    return {
      state: "waiting",
      cause: `volume ${suits.name} suits it and is about to be bound`,
      fix: ["look again in a moment"],
      evidence,
    }
  const answers = refused.slice(0, 10).map(({ name, why }) => `${name}: ${why}`)
  if (storageClass && storageClass.provisioner !== "kubernetes.io/no-provisioner") {
    return {
      state: "stuck",
      cause: `the provisioner ${storageClass.provisioner} of its class ${className} has not made a volume for it`,
      fix: [
        `look whether the provisioner ${storageClass.provisioner} runs, and at its log`,
        "or create a PersistentVolume that suits it",
      ],
      evidence: [...evidence, ...answers],
    }
  }
  const fallback = defaultStorageClass(classes)
  return {
    state: "stuck",
    cause:
      volumes.length > 0
        ? `none of the ${volumes.length} volumes suits it, and nobody makes one for it`
        : "there is no volume, and nobody makes one for it",
    fix: [
      "create a PersistentVolume that suits it",
      fallback ? `or use the default class ${fallback.metadata.name}` : "or set up a storage class with a provisioner",
    ],
    evidence: [...evidence, ...answers],
  }
}

export async function explainClaim(view: View, claim: Claim): Promise<Finding> {
  const subject = subjectOf("PersistentVolumeClaim", claim)
  const phase = claim.status?.phase ?? "Pending"
  if (claim.metadata.deletionTimestamp) return here(subject, "Terminating", await terminatingCause(view, claim))
  if (phase === "Bound") return here(subject, phase, healthy(`it is bound to volume ${claim.spec?.volumeName}`))
  if (phase === "Lost") {
    return here(subject, phase, {
      state: "stuck",
      cause: `its volume ${claim.spec?.volumeName} is gone`,
      fix: ["restore the PersistentVolume under the same name, or make the claim anew"],
    })
  }
  return here(subject, phase, await pendingCause(view, claim))
}
