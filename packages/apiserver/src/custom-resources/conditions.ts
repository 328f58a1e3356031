import { type apiextensionsv1, approvalOf } from "@ladya/api"
import { formatTime, setCondition } from "@ladya/apimachinery"

type Definition = apiextensionsv1.CustomResourceDefinition
type Names = apiextensionsv1.CustomResourceDefinitionNames
type Conditions = apiextensionsv1.CustomResourceDefinitionCondition[]
interface NamesVerdict {
  reason: string
  message: string
  accepted: boolean
  names: Names
}

const resourceNames = (names: Names | undefined): string[] =>
  [names?.plural, names?.singular, ...(names?.shortNames ?? [])].filter((name) => !!name) as string[]

/** Each name is accepted for itself, unless another definition of the group took it first. Of conflicts, the last is told. */
function judgeNames(definition: Definition, others: readonly Definition[]): NamesVerdict {
  const rivals = others.filter(
    (other) => other.metadata.uid !== definition.metadata.uid && other.spec?.group === definition.spec?.group,
  )
  const taken = new Set(rivals.flatMap((other) => resourceNames(other.status?.acceptedNames)))
  const kinds = new Set(
    rivals.flatMap(({ status }) => [status?.acceptedNames?.kind ?? "", status?.acceptedNames?.listKind ?? ""]),
  )
  const wanted = definition.spec?.names
  const verdict: NamesVerdict = {
    accepted: true,
    reason: "NoConflicts",
    message: "no conflicts found",
    names: { kind: "", plural: "", ...definition.status?.acceptedNames },
  }
  const { names } = verdict
  const judge = (what: string, asked: readonly string[], known: Set<string>, accept: () => void): void => {
    const conflicts = asked.filter((name) => name !== "" && known.has(name))
    if (conflicts.length === 0) {
      accept()
      return
    }
    verdict.accepted = false
    verdict.reason = `${what}Conflict`
    const messages = conflicts.map((name) => `${JSON.stringify(name)} is already in use`)
    verdict.message = messages.length > 1 ? `[${messages.join(", ")}]` : (messages[0] ?? "")
  }
  if (!wanted) return { ...verdict, accepted: false, reason: "NoNames", message: "no names" }
  const { plural, singular, shortNames, kind, listKind, categories } = wanted
  judge("Plural", [plural], taken, () => {
    names.plural = plural
  })
  judge("Singular", [singular ?? ""], taken, () => assign(names, "singular", singular))
  judge("ShortNames", shortNames ?? [], taken, () => assign(names, "shortNames", shortNames))
  judge("Kind", [kind], kinds, () => {
    names.kind = kind
  })
  judge("ListKind", [listKind ?? ""], kinds, () => assign(names, "listKind", listKind))
  assign(names, "categories", categories)
  return verdict
}

function assign<K extends keyof Names>(names: Names, key: K, value: Names[K] | undefined): void {
  if (value === undefined) delete names[key]
  else names[key] = value
}

/** Of a group of the Kubernetes community: whether its API was approved. */
function approvalCondition(definition: Definition): ["True" | "False", string, string] | undefined {
  const approval = approvalOf(definition)
  const name = '"api-approved.kubernetes.io"'
  switch (approval.state) {
    case "unneeded":
      return undefined
    case "approved":
      return ["True", "ApprovedAnnotation", `approved in ${approval.value}`]
    case "unapproved":
      return ["False", "UnapprovedAnnotation", `not approved: ${JSON.stringify(approval.value)}`]
    case "invalid": {
      const why = `protected groups must have approval annotation ${name} with either a URL or a reason starting with "unapproved"`
      return ["False", "InvalidAnnotation", why]
    }
    default:
      return ["False", "MissingAnnotation", `protected groups must have approval annotation ${name}`]
  }
}

/** The status that a definition is to have: its accepted names and whether it is established. */
export function planStatus(
  definition: Definition,
  others: readonly Definition[],
  now: number,
): NonNullable<Definition["status"]> {
  const verdict = judgeNames(definition, others)
  const { accepted, reason, message, names } = verdict
  let conditions: Conditions = definition.status?.conditions ?? []
  const set = (type: string, status: "True" | "False", why: string, text: string): void => {
    const before = conditions.find((condition) => condition.type === type)
    if (before && before.status === status && before.reason === why && before.message === text) return
    conditions = setCondition(
      conditions,
      { type, status, reason: why, message: text, lastTransitionTime: formatTime(now) },
      now,
    ) as Conditions
  }
  set("NamesAccepted", accepted ? "True" : "False", reason, message)
  const isEstablished = conditions.some(({ type, status }) => type === "Established" && status === "True")
  // What was established stays so: only the names may become contested.
  if (accepted && !isEstablished) {
    set("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
  } else if (!isEstablished) set("Established", "False", "NotAccepted", "not all names are accepted")
  const approval = approvalCondition(definition)
  if (approval) set("KubernetesAPIApprovalPolicyConformant", ...approval)
  else conditions = conditions.filter(({ type }) => type !== "KubernetesAPIApprovalPolicyConformant")
  if (definition.metadata.deletionTimestamp) {
    set("Terminating", "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
  }
  return {
    ...definition.status,
    conditions,
    acceptedNames: names,
  }
}
