import {
  type FieldError,
  fieldError,
  isDns1123Subdomain,
  isPathSegmentName,
  type KubeObject,
  semanticEqual,
} from "@ladya/apimachinery"
import type * as rbacv1 from "../../../generated/types/rbacv1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, text, wide } from "../../../printing/columns.ts"
import { indexed } from "../../../validation/checks.ts"

const apiGroup = "rbac.authorization.k8s.io"

type Binding = KubeObject & Pick<rbacv1.RoleBinding, "roleRef" | "subjects">

function setDefaults(draft: Binding): void {
  // A malformed body may lack it: validation says so.
  if (draft.roleRef) draft.roleRef.apiGroup ||= apiGroup
  for (const subject of draft.subjects ?? []) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= apiGroup
  }
}

function validateSubject(subject: rbacv1.Subject, at: string, isNamespaced: boolean): FieldError[] {
  const errors: FieldError[] = []
  const { kind, name, namespace, apiGroup: group = "" } = subject
  if (!name) errors.push(fieldError.required(`${at}.name`))
  const checkGroup = (wanted: string): void => {
    if (group !== wanted) errors.push(fieldError.notSupported(`${at}.apiGroup`, group, [wanted]))
  }
  switch (kind) {
    case "ServiceAccount":
      if (name) {
        for (const message of isDns1123Subdomain(name)) errors.push(fieldError.invalid(`${at}.name`, name, message))
      }
      checkGroup("")
      if (!isNamespaced && !namespace) errors.push(fieldError.required(`${at}.namespace`))
      break
    case "User":
    case "Group":
      checkGroup(apiGroup)
      break
    default:
      errors.push(fieldError.notSupported(`${at}.kind`, kind, ["ServiceAccount", "User", "Group"]))
  }
  return errors
}

function validate(next: Binding, previous: Binding | undefined, kinds: readonly string[]): FieldError[] {
  const errors: FieldError[] = []
  const { roleRef, subjects = [] } = next
  if (!roleRef) return [fieldError.required("roleRef")]
  if (roleRef.apiGroup !== apiGroup) {
    errors.push(fieldError.notSupported("roleRef.apiGroup", roleRef.apiGroup ?? "", [apiGroup]))
  }
  if (!kinds.includes(roleRef.kind)) errors.push(fieldError.notSupported("roleRef.kind", roleRef.kind ?? "", kinds))
  if (!roleRef.name) errors.push(fieldError.required("roleRef.name"))
  else {
    for (const message of isPathSegmentName(roleRef.name)) {
      errors.push(fieldError.invalid("roleRef.name", roleRef.name, message))
    }
  }
  const isNamespaced = kinds.length > 1
  for (const [subject, at] of indexed("subjects", subjects)) errors.push(...validateSubject(subject, at, isNamespaced))
  if (previous && !semanticEqual(previous.roleRef, roleRef)) {
    errors.push(fieldError.invalid("roleRef", roleRef, "cannot change roleRef"))
  }
  return errors
}

const subjectsOf = (kind: string) =>
  wide(
    text(`${kind}s`, ({ subjects }: Binding) =>
      (subjects ?? [])
        .filter((subject) => subject.kind === kind)
        .map((subject) => (kind === "ServiceAccount" ? `${subject.namespace ?? ""}/${subject.name}` : subject.name))
        .join(", "),
    ),
  )

function behaviour(kinds: readonly string[]): KindBehaviour<Binding> {
  return {
    validateName: isPathSegmentName,
    default: setDefaults,
    validate: (next, previous) => validate(next, previous, kinds),
    columns: [
      nameColumn,
      text("Role", ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
      ageColumn,
      subjectsOf("User"),
      subjectsOf("Group"),
      subjectsOf("ServiceAccount"),
    ],
  }
}

export const roleBinding: KindBehaviour<Binding> = behaviour(["ClusterRole", "Role"])
export const clusterRoleBinding: KindBehaviour<Binding> = behaviour(["ClusterRole"])
