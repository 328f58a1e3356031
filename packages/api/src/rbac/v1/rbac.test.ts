import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { fieldErrorText, type KubeObject } from "@ladya/apimachinery"
import { kindByResource } from "../../registry.ts"

const kindOf = (resource: string) => {
  const kind = kindByResource({ group: "rbac.authorization.k8s.io", version: "v1", resource })
  assert.ok(kind)
  return kind
}
const errorsOf = (resource: string, object: object, previous?: object): string[] => {
  const { behaviour } = kindOf(resource)
  const whole = (parts: object): KubeObject => ({ metadata: { name: "x" }, ...parts }) as unknown as KubeObject
  const next = whole(structuredClone(object))
  behaviour.default?.(next)
  return (behaviour.validate?.(next, previous ? whole(previous) : undefined) ?? []).map(fieldErrorText)
}

const apiGroup = "rbac.authorization.k8s.io"
const resourceRule = { verbs: ["get"], apiGroups: [""], resources: ["pods"] }
const roleRef = { apiGroup, kind: "ClusterRole", name: "view" }

describe("RBAC kinds", () => {
  const table: { name: string; resource: string; object: object; previous?: object; errors: string[] }[] = [
    { name: "a role", resource: "roles", object: { rules: [resourceRule] }, errors: [] },
    { name: "a role without rules", resource: "roles", object: { rules: null }, errors: [] },
    {
      name: "an empty rule",
      resource: "clusterroles",
      object: { rules: [{}] },
      errors: [
        "rules[0].verbs: Required value: verbs must contain at least one value",
        "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
        "rules[0].resources: Required value: resource rules must supply at least one resource",
      ],
    },
    {
      name: "paths in a namespace",
      resource: "roles",
      object: { rules: [{ verbs: ["get"], nonResourceURLs: ["/x"] }] },
      errors: ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
    },
    {
      name: "paths and resources",
      resource: "clusterroles",
      object: { rules: [{ ...resourceRule, nonResourceURLs: ["/x"] }] },
      errors: [
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
      ],
    },
    {
      name: "an aggregation of nothing",
      resource: "clusterroles",
      object: { aggregationRule: {} },
      errors: [
        "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
      ],
    },
    {
      name: "a binding, with defaults",
      resource: "rolebindings",
      object: {
        roleRef: { kind: "Role", name: "r" },
        subjects: [
          { kind: "User", name: "dan" },
          { kind: "ServiceAccount", name: "robot" },
        ],
      },
      errors: [],
    },
    {
      name: "a cluster binding to a Role, and an account without a namespace",
      resource: "clusterrolebindings",
      object: { roleRef: { kind: "Role", name: "r" }, subjects: [{ kind: "ServiceAccount", name: "robot" }] },
      errors: [
        'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
        "subjects[0].namespace: Required value",
      ],
    },
    {
      name: "an odd subject",
      resource: "rolebindings",
      object: { roleRef, subjects: [{ kind: "Robot", name: "" }] },
      errors: [
        "subjects[0].name: Required value",
        'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
      ],
    },
    {
      name: "another role",
      resource: "rolebindings",
      object: { roleRef: { ...roleRef, name: "edit" } },
      previous: { roleRef },
      errors: [
        'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"edit"}: cannot change roleRef',
      ],
    },
  ]
  for (const { name, resource, object, previous, errors } of table) {
    test(name, () => assert.deepEqual(errorsOf(resource, object, previous), errors))
  }

  test("names may have colons, but are one segment of a path", () => {
    const { validateName } = kindOf("clusterroles").behaviour
    assert.deepEqual(validateName?.("system:node"), [])
    assert.deepEqual(validateName?.("a/b"), ["may not contain '/'"])
  })

  test("columns show the role, and the subjects on demand", () => {
    const binding = {
      metadata: { name: "b" },
      roleRef,
      subjects: [
        { kind: "User", name: "dan" },
        { kind: "User", name: "eve" },
        { kind: "ServiceAccount", namespace: "a", name: "robot" },
      ],
    } as unknown as KubeObject
    const cells = kindOf("rolebindings").behaviour.columns?.map(({ name, cell }) => [name, cell(binding, 0)])
    assert.deepEqual(
      cells?.filter(([name]) => name !== "Age"),
      [
        ["Name", "b"],
        ["Role", "ClusterRole/view"],
        ["Users", "dan, eve"],
        ["Groups", ""],
        ["ServiceAccounts", "a/robot"],
      ],
    )
  })
})
