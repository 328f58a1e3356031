import { type apiextensionsv1, approvalOf } from "@ladya/api"
import { formatTime, setCondition } from "@ladya/apimachinery"

type Definition = apiextensionsv1.CustomResourceDefinition
type Names = apiextensionsv1.CustomResourceDefinitionNames
type Conditions = apiextensionsv1.CustomResourceDefinitionCondition[]
interface NamesVerdict {
  reason: string
  message: string
  accepted: boolean
}

const resourceNames = (names: Names | undefined): string[] =>
  [names?.plural, names?.singular, ...(names?.shortNames ?? [])].filter(
    (name) => name !== undefined && name !== "",
  ) as string[]

/** The names that other definitions of the group took first decide. */
function judgeNames(definition: Definition, others: readonly Definition[]): NamesVerdict {
  const rivals = others.filter(
    (other) => other.metadata.uid !== definition.metadata.uid && other.spec?.group === definition.spec?.group,
  )
  const taken = new Set(rivals.flatMap((other) => resourceNames(other.status?.acceptedNames)))
  const kinds = new Set(
    rivals.flatMap(({ status }) => [status?.acceptedNames?.kind ?? "", status?.acceptedNames?.listKind ?? ""]),
  )
  const names = definition.spec?.names
  const conflict = (what: string, name: string): NamesVerdict => ({
    accepted: false,
    reason: `${what}Conflict`,
    message: `${JSON.stringify(name)} is already in use`,
  })
  if (!names) return { accepted: false, reason: "NoNames", message: "no names" }
  if (taken.has(names.plural)) return conflict("Plural", names.plural)
  if (names.singular && taken.has(names.singular)) return conflict("Singular", names.singular)
  const short = names.shortNames?.find((name) => taken.has(name))
  if (short) return conflict("ShortNames", short)
  if (kinds.has(names.kind)) return conflict("Kind", names.kind)
  if (names.listKind && kinds.has(names.listKind)) return conflict("ListKind", names.listKind)
  return { accepted: true, reason: "NoConflicts", message: "no conflicts found" }
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
  const { accepted, reason, message } = verdict
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
  const names = accepted ? definition.spec?.names : definition.status?.acceptedNames
  return {
    ...definition.status,
    conditions,
    acceptedNames: names ?? { kind: "", plural: "" },
  }
}
