import assert from "node:assert/strict"
import { test } from "node:test"
import { fieldErrorText, type KubeObject } from "@ladya/apimachinery"
import { kindByResource } from "../../registry.ts"

const apiVersion = "admissionregistration.k8s.io/v1"

/** What is wrong with an object after it was defaulted. */
function problems(resource: string, kind: string, content: object): string[] {
  const definition = kindByResource({ group: "admissionregistration.k8s.io", version: "v1", resource })
  assert.ok(definition)
  const object = { apiVersion, kind, metadata: { name: "p" }, ...structuredClone(content) } as KubeObject
  definition.behaviour.default?.(object)
  return (definition.behaviour.validate?.(object, undefined) ?? []).map(fieldErrorText)
}

const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }
const matchConstraints = { resourceRules: [rule] }
const policy = (spec: object): string[] =>
  problems("validatingadmissionpolicies", "ValidatingAdmissionPolicy", { spec: { matchConstraints, ...spec } })
const mutation = (spec: object): string[] =>
  problems("mutatingadmissionpolicies", "MutatingAdmissionPolicy", { spec: { matchConstraints, ...spec } })
const binding = (spec: object): string[] =>
  problems("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", {
    spec: { policyName: "p", validationActions: ["Deny"], ...spec },
  })
const validations = [{ expression: "true" }]

const cases: { name: string; found: () => string[]; want: string[] }[] = [
  { name: "a policy as it should be", found: () => policy({ validations }), want: [] },
  {
    name: "a policy without rules and validations",
    found: () => policy({ matchConstraints: undefined }),
    want: [
      "spec.matchConstraints: Required value",
      "spec.validations: Required value: validations or auditAnnotations must be provided",
      "spec.auditAnnotations: Required value: validations or auditAnnotations must be provided",
    ],
  },
  {
    name: "resources that say again what another says",
    found: () =>
      policy({
        validations,
        matchConstraints: {
          resourceRules: [
            { ...rule, resources: ["*", "pods", "a/*", "a/b", "*/c", "d/c"], operations: ["*", "CREATE"] },
          ],
        },
      }),
    want: [
      `spec.matchConstraints.resourceRules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
      `spec.matchConstraints.resourceRules[0].resources[3]: Invalid value: "a/b": if 'a/*' is present, must not specify a/b`,
      `spec.matchConstraints.resourceRules[0].resources[5]: Invalid value: "d/c": if '*/c' is present, must not specify d/c`,
      `spec.matchConstraints.resourceRules[0].resources: Invalid value: ["*","pods","a/*","a/b","*/c","d/c"]: if '*' is present, must not specify other resources without subresources`,
    ],
  },
  {
    name: "a parameter kind",
    found: () => policy({ validations, paramKind: { apiVersion: "a/b/c", kind: "Some_Kind" } }),
    want: [
      'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
      `spec.paramKind.kind: Invalid value: "Some_Kind": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
    ],
  },
  {
    name: "variables and messages",
    found: () =>
      policy({
        variables: [
          { name: "if", expression: "1" },
          { name: "good", expression: "2" },
        ],
        validations: [
          { expression: "variables.good == 2", message: "a\nb" },
          { expression: " ", message: " ", messageExpression: " ", reason: "Whim" },
          { expression: "params == null" },
        ],
      }),
    want: [
      'spec.variables[0].name: Invalid value: "if": name is not a valid CEL identifier',
      'spec.validations[0].message: Invalid value: "a\\nb": message must not contain line breaks',
      "spec.validations[1].expression: Required value: expression is not specified",
      'spec.validations[1].messageExpression: Invalid value: " ": must be non-empty if specified',
      'spec.validations[1].message: Invalid value: " ": message must be non-empty if specified',
      'spec.validations[1].reason: Unsupported value: "Whim": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"',
      `spec.validations[2].expression: Invalid value: "params == null": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params == null\n | ^`,
    ],
  },
  {
    name: "audit annotations",
    found: () =>
      policy({
        auditAnnotations: [
          { key: "k", valueExpression: "'a'" },
          { key: "k", valueExpression: "1" },
        ],
      }),
    want: [
      'spec.auditAnnotations[1].valueExpression: Invalid value: "1": must evaluate to one of [string null_type]',
      'spec.auditAnnotations[1].key: Duplicate value: "k"',
    ],
  },
  {
    name: "conditions",
    found: () =>
      policy({
        validations,
        matchConditions: [
          { name: "a", expression: "object.x" },
          { name: "a", expression: "" },
        ],
      }),
    want: [
      'spec.matchConditions[0].expression: Invalid value: "object.x": must evaluate to bool',
      "spec.matchConditions[1].expression: Required value",
      'spec.matchConditions[1].name: Duplicate value: "a"',
    ],
  },
  {
    name: "mutations",
    found: () =>
      mutation({
        reinvocationPolicy: "Often",
        mutations: [
          { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{spec: Object.spec{a: 1}}" } },
          { patchType: "ApplyConfiguration", applyConfiguration: { expression: "{}" } },
          { patchType: "JSONPatch", jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/a'}]" } },
          { patchType: "JSONPatch" },
          { patchType: "Merge" },
        ],
      }),
    want: [
      'spec.reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"',
      'spec.mutations[1].applyConfiguration.expression: Invalid value: "{}": must evaluate to Object',
      "spec.mutations[3].jsonPatch: Required value: must be specified when patchType is JSONPatch",
      'spec.mutations[4].patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
    ],
  },
  { name: "a binding as it should be", found: () => binding({ paramRef: { name: "x" } }), want: [] },
  {
    name: "a binding's actions and parameters",
    found: () =>
      binding({ policyName: "", paramRef: { name: "x", selector: {} }, validationActions: ["Deny", "Warn", "Shout"] }),
    want: [
      "spec.policyName: Required value",
      "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
      "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
      'spec.validationActions[2]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn"',
      'spec.validationActions: Invalid value: ["Deny","Warn","Shout"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ],
  },
]

const webhook = (given: object): string[] =>
  problems("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", {
    webhooks: [
      {
        name: "a.b.c",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        clientConfig: { url: "https://x" },
        ...given,
      },
    ],
  })

cases.push(
  { name: "a webhook as it should be", found: () => webhook({}), want: [] },
  {
    name: "a webhook's URL",
    found: () => webhook({ clientConfig: { url: "http://me@/path?a=b#c" } }),
    want: [
      `webhooks[0].clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
      'webhooks[0].clientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]',
      'webhooks[0].clientConfig.url: Invalid value: "me": user information is not permitted in the URL',
      'webhooks[0].clientConfig.url: Invalid value: "c": fragments are not permitted in the URL',
      'webhooks[0].clientConfig.url: Invalid value: "a=b": query parameters are not permitted in the URL',
    ],
  },
  {
    name: "a webhook's Service and versions",
    found: () =>
      webhook({
        clientConfig: { service: { name: "s", namespace: "", port: 0, path: "/a//b" } },
        admissionReviewVersions: ["v2", "v2"],
      }),
    want: [
      'webhooks[0].admissionReviewVersions[1]: Invalid value: "v2": duplicate version',
      'webhooks[0].admissionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1',
      "webhooks[0].clientConfig.service.namespace: Required value: service namespace is required",
      "webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
      'webhooks[0].clientConfig.service.path: Invalid value: "/a//b": segment[1] may not be empty',
    ],
  },
)

for (const { name, found, want } of cases) {
  test(`what is wrong with ${name}`, () => assert.deepEqual(found(), want))
}
