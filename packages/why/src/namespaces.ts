import type { corev1 } from "@ladya/api"
import { type Cause, type Finding, healthy, here, waiting } from "./finding.ts"
import { subjectOf, type View } from "./view.ts"

const conditionFixes: Readonly<Record<string, string>> = {
  NamespaceContentRemaining: "wait for those objects, or ask ladya why of one of them",
  NamespaceDeletionContentFailure: "mend what the message names; it is tried again by itself",
  NamespaceDeletionDiscoveryFailure: "bring the API service back that does not answer, or delete its APIService object",
  NamespaceDeletionGroupVersionParsingFailure:
    "correct the CustomResourceDefinition or APIService that the message names",
  NamespaceFinalizersRemaining:
    "the controllers that own these finalizers have to run; or take the finalizers out by hand",
}
// The most telling first: what keeps finalizers explains what remains.
const order = [
  "NamespaceDeletionDiscoveryFailure",
  "NamespaceDeletionGroupVersionParsingFailure",
  "NamespaceDeletionContentFailure",
  "NamespaceFinalizersRemaining",
  "NamespaceContentRemaining",
]

function terminatingCause(namespace: corev1.Namespace): Cause {
  const conditions = namespace.status?.conditions ?? []
  const found = order
    .map((type) => conditions.find((one) => one.type === type && one.status === "True"))
    .filter((one) => one !== undefined)
  const first = found[0]
  if (first) {
    return {
      state: first.type === "NamespaceContentRemaining" ? "waiting" : "stuck",
      cause: `its deletion is held up: ${first.message}`,
      fix: [conditionFixes[first.type] ?? ""],
      evidence: found.slice(1).map(({ message }) => message ?? ""),
    }
  }
  const finalizers = (namespace.spec?.finalizers ?? []).filter((name) => name !== "kubernetes")
  if (finalizers.length > 0) {
    return {
      state: "stuck",
      cause: `the finalizers ${finalizers.join(", ")} keep it`,
      fix: ["their owners take them out through the finalize subresource"],
    }
  }
  return waiting("what is in it is being deleted", "look again in a moment")
}

export async function explainNamespace(_view: View, namespace: corev1.Namespace): Promise<Finding> {
  const subject = subjectOf("Namespace", namespace)
  const phase = namespace.status?.phase ?? "Active"
  const cause = namespace.metadata.deletionTimestamp ? terminatingCause(namespace) : healthy("it is active")
  return here(subject, phase, cause)
}
