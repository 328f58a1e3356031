import assert from "node:assert/strict"
import { test } from "node:test"
import { create } from "../../testing/harness.ts"

const apiVersion = "flowcontrol.apiserver.k8s.io/v1"

const rows: { name: string; object: unknown; errors: string[] }[] = [
  {
    name: "rules of nobody about nothing",
    object: {
      kind: "FlowSchema",
      spec: {
        priorityLevelConfiguration: { name: "p" },
        rules: [
          {
            subjects: [
              { kind: "User" },
              { kind: "ServiceAccount", serviceAccount: { name: "a" }, group: { name: "g" } },
            ],
            resourceRules: [{ verbs: ["*", "get"], apiGroups: [""], resources: [] }],
            nonResourceRules: [{ verbs: ["get"] }],
          },
        ],
      },
    },
    errors: [
      "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
      "spec.rules[0].subjects[1].serviceAccount.namespace: Required value: must specify namespace for service account",
      "spec.rules[0].subjects[1].group: Forbidden: group is forbidden when subject kind is not 'Group'",
      `spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`,
      "spec.rules[0].resourceRules[0].resources: Required value: resources must contain at least one value",
      "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace",
      "spec.rules[0].nonResourceRules[0].nonResourceURLs: Required value: nonResourceURLs must contain at least one value",
    ],
  },
  {
    name: "a hand larger than the deck",
    object: {
      kind: "PriorityLevelConfiguration",
      spec: {
        type: "Limited",
        limited: {
          nominalConcurrencyShares: -1,
          lendablePercent: 101,
          limitResponse: { type: "Queue", queuing: { queues: 4, handSize: 8 } },
        },
      },
    },
    errors: [
      "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer",
      "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive",
      "spec.limited.limitResponse.queuing.handSize: Invalid value: 8: should not be greater than queues (4)",
    ],
  },
]

for (const { name, object, errors } of rows) {
  test(`validation: ${name}`, () => {
    assert.deepEqual(create({ apiVersion, metadata: { name: "x" }, ...(object as object) }).errors, errors)
  })
}
