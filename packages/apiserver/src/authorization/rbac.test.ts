import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { rbacv1 } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import type { EventHandler } from "@ladya/client"
import type { UserInfo } from "../authentication/authenticator.ts"
import { authorize } from "../filters/authorize.ts"
import type { AuthorizationAttributes, Authorizer } from "./authorizer.ts"
import { mastersAuthorizer, newAuthorizerChain } from "./chain.ts"
import { NodeAuthorizer } from "./node-authorizer.ts"
import { RbacAuthorizer } from "./rbac-authorizer.ts"
import { RbacIndex, type RbacSource } from "./rbac-index.ts"
import { type PolicyRule, ruleAllows, ruleText, uncovered } from "./rules.ts"

type Info = AuthorizationAttributes["info"]

/** `get pods`, `create apps/deployments/scale@ns:name`, `get /healthz`; `core` groups have no dot or slash. */
function ask(text: string): Info {
  const [verb, what] = text.split(" ") as [string, string]
  const empty = { group: "", version: "v1", resource: "", subresource: "", namespace: "", name: "", path: "" }
  if (what.startsWith("/")) return { ...empty, isResource: false, verb, path: what }
  const [target, place = ""] = what.split("@") as [string, string?]
  const parts = target.split("/")
  const group = parts[0]?.includes(".") || parts[0] === "apps" ? (parts.shift() ?? "") : ""
  const [namespace = "", name = ""] = place.split(":")
  return { ...empty, isResource: true, verb, group, resource: parts[0]!, subresource: parts[1] ?? "", namespace, name }
}

class ListSource implements RbacSource {
  readonly #handlers = new Map<string, EventHandler<KubeObject>>()
  subscribe<T extends KubeObject>(ref: ResourceRef<T>, handler: EventHandler<T>): void {
    this.#handlers.set(ref.kind, handler as EventHandler<KubeObject>)
  }
  add(...objects: KubeObject[]): void {
    for (const object of objects) this.#handlers.get(object.kind)?.add?.(object)
  }
  update(object: KubeObject, previous: KubeObject): void {
    this.#handlers.get(object.kind)?.update?.(object, previous)
  }
  delete(object: KubeObject): void {
    this.#handlers.get(object.kind)?.delete?.(object)
  }
}

const apiVersion = "rbac.authorization.k8s.io/v1" as const
const clusterRole = (
  name: string,
  rules: PolicyRule[],
  more: Partial<rbacv1.ClusterRole> = {},
): rbacv1.ClusterRole => ({
  apiVersion,
  kind: "ClusterRole",
  metadata: { name, ...more.metadata },
  rules,
  ...(more.aggregationRule ? { aggregationRule: more.aggregationRule } : {}),
})
const role = (namespace: string, name: string, rules: PolicyRule[]): rbacv1.Role => ({
  apiVersion,
  kind: "Role",
  metadata: { namespace, name },
  rules,
})
/** Subjects are `User x`, `Group x`, `ServiceAccount ns/x`. */
function subjects(texts: string[]): rbacv1.Subject[] {
  return texts.map((text) => {
    const [kind, who] = text.split(" ") as [string, string]
    if (kind !== "ServiceAccount") return { kind, name: who, apiGroup: "rbac.authorization.k8s.io" }
    const [namespace, name] = who.split("/") as [string, string]
    return { kind, namespace, name }
  })
}
const clusterBinding = (name: string, to: string, ...who: string[]): rbacv1.ClusterRoleBinding => ({
  apiVersion,
  kind: "ClusterRoleBinding",
  metadata: { name },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: to },
  subjects: subjects(who),
})
const binding = (namespace: string, name: string, kind: string, to: string, ...who: string[]): rbacv1.RoleBinding => ({
  apiVersion,
  kind: "RoleBinding",
  metadata: { namespace, name },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: to },
  subjects: subjects(who),
})
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups })
const podReader: PolicyRule = { apiGroups: [""], resources: ["pods", "pods/log"], verbs: ["get", "list"] }

function setUp(): { source: ListSource; index: RbacIndex; authorizer: Authorizer } {
  const source = new ListSource()
  const index = new RbacIndex()
  index.follow(source)
  return { source, index, authorizer: newAuthorizerChain([mastersAuthorizer, new RbacAuthorizer(index)]) }
}

describe("a rule allows", () => {
  const all: PolicyRule = { apiGroups: ["*"], resources: ["*"], verbs: ["*"] }
  const table: { name: string; rule: PolicyRule; yes: string[]; no: string[] }[] = [
    {
      name: "everything by stars",
      rule: all,
      yes: ["get pods", "create apps/deployments/scale@a:b"],
      no: ["get /healthz"],
    },
    {
      name: "resources and subresources by name",
      rule: podReader,
      yes: ["get pods", "list pods@a", "get pods/log@a:b"],
      no: ["get pods/exec@a:b", "create pods", "get apps/pods", "get services"],
    },
    {
      name: "one subresource of everything",
      rule: { apiGroups: ["*"], resources: ["*/scale"], verbs: ["update"] },
      yes: ["update apps/deployments/scale@a:b", "update replicationcontrollers/scale@a:b"],
      no: ["update apps/deployments@a:b", "update apps/deployments/status@a:b"],
    },
    {
      name: "names",
      rule: { apiGroups: [""], resources: ["configmaps"], resourceNames: ["x"], verbs: ["get", "create"] },
      yes: ["get configmaps@a:x"],
      no: ["get configmaps@a:y", "create configmaps@a", "get configmaps@a"],
    },
    {
      name: "paths",
      rule: { nonResourceURLs: ["/healthz", "/api/*"], verbs: ["get"] },
      yes: ["get /healthz", "get /api/v1", "get /api/"],
      no: ["get /api", "post /healthz", "get /healthz/x", "get pods"],
    },
    {
      name: "all paths",
      rule: { nonResourceURLs: ["*"], verbs: ["*"] },
      yes: ["get /x", "post /y/z"],
      no: ["get pods"],
    },
  ]
  for (const { name, rule, yes, no } of table) {
    test(name, () => {
      for (const text of yes) assert.ok(ruleAllows(rule, ask(text)), text)
      for (const text of no) assert.ok(!ruleAllows(rule, ask(text)), text)
    })
  }
})

test("bindings count for users, groups and service accounts, in their namespace or everywhere", async () => {
  const { source, authorizer } = setUp()
  source.add(
    clusterRole("reader", [podReader]),
    role("a", "local", [{ apiGroups: [""], resources: ["secrets"], verbs: ["get"] }]),
    clusterBinding("everywhere", "reader", "Group devs", "ServiceAccount a/robot"),
    binding("a", "in-a", "ClusterRole", "reader", "User eve"),
    binding("a", "local", "Role", "local", "User eve", "ServiceAccount a/robot"),
  )
  const robot = user("system:serviceaccount:a:robot", "system:serviceaccounts")
  const table: [UserInfo, string, boolean][] = [
    [user("dan", "devs"), "list pods", true],
    [user("dan", "devs"), "list pods@b", true],
    [user("dan"), "list pods", false],
    [robot, "list pods", true],
    [robot, "get secrets@a:x", true],
    [robot, "get secrets@b:x", false],
    [user("eve"), "list pods@a", true],
    [user("eve"), "list pods@b", false],
    [user("eve"), "list pods", false],
    [user("root", "system:masters"), "delete nodes", true],
  ]
  for (const [who, what, expected] of table) {
    const { allowed } = await authorizer.authorize({ user: who, info: ask(what) })
    assert.equal(allowed, expected, `${who.name} ${what}`)
  }
})

test("changes of roles and bindings count at once", async () => {
  const { source, authorizer } = setUp()
  const may = async (who: UserInfo, what: string): Promise<boolean> =>
    (await authorizer.authorize({ user: who, info: ask(what) })).allowed
  const first = clusterBinding("b", "reader", "User dan")
  source.add(first)
  assert.equal(await may(user("dan"), "get pods"), false)
  source.add(clusterRole("reader", [podReader]))
  assert.equal(await may(user("dan"), "get pods"), true)
  const second = clusterBinding("b", "reader", "User eve")
  source.update(second, first)
  assert.deepEqual([await may(user("dan"), "get pods"), await may(user("eve"), "get pods")], [false, true])
  source.update(clusterRole("reader", []), clusterRole("reader", [podReader]))
  assert.equal(await may(user("eve"), "get pods"), false)
  source.update(clusterRole("reader", [podReader]), clusterRole("reader", []))
  source.delete(second)
  assert.equal(await may(user("eve"), "get pods"), false)
})

test("an aggregated role has the rules of the roles it selects, through several steps and cycles", async () => {
  const { source, authorizer } = setUp()
  const selecting = (key: string): rbacv1.AggregationRule => ({
    clusterRoleSelectors: [{ matchLabels: { [key]: "true" } }],
  })
  source.add(
    clusterRole("view", [], { metadata: { labels: { toEdit: "true" } }, aggregationRule: selecting("toView") }),
    clusterRole("edit", [], { metadata: { labels: { toView: "true" } }, aggregationRule: selecting("toEdit") }),
    clusterBinding("b", "edit", "User eve"),
    clusterBinding("c", "view", "User dan"),
  )
  const may = async (who: string): Promise<boolean> =>
    (await authorizer.authorize({ user: user(who), info: ask("get pods") })).allowed
  assert.deepEqual([await may("eve"), await may("dan")], [false, false])
  source.add(clusterRole("mine", [podReader], { metadata: { labels: { toView: "true" } } }))
  assert.deepEqual([await may("eve"), await may("dan")], [true, true])
})

describe("a refusal says what upstream says:", () => {
  const table = [
    [
      "list pods@default",
      'pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      "get pods@default:p",
      'pods "p" is forbidden: User "x" cannot get resource "pods" in API group "" in the namespace "default"',
    ],
    ["list nodes", 'nodes is forbidden: User "x" cannot list resource "nodes" in API group "" at the cluster scope'],
    [
      "create apps/deployments/scale@a:d",
      'deployments.apps "d" is forbidden: User "x" cannot create resource "deployments/scale" in API group "apps" in the namespace "a"',
    ],
    ["get /metrics", 'forbidden: User "x" cannot get path "/metrics"'],
  ] as const
  for (const [what, message] of table) {
    test(what, async () => {
      const { authorizer } = setUp()
      await assert.rejects(async () => authorize(authorizer, { user: user("x"), info: ask(what) }), {
        message,
        code: 403,
        reason: "Forbidden",
      })
    })
  }
  test("a missing role is named", async () => {
    const { authorizer, source } = setUp()
    source.add(clusterBinding("b", "gone", "User x"))
    await assert.rejects(async () => authorize(authorizer, { user: user("x"), info: ask("list nodes") }), {
      message: /at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found$/,
    })
  })
})

describe("rules that go beyond what is held:", () => {
  const held: PolicyRule[] = [
    { apiGroups: ["", "apps"], resources: ["pods", "*/scale"], verbs: ["get", "list"] },
    { apiGroups: [""], resources: ["secrets"], resourceNames: ["a", "b"], verbs: ["*"] },
    { nonResourceURLs: ["/api/*"], verbs: ["get"] },
  ]
  const table: { name: string; wanted: PolicyRule; missing: string[] }[] = [
    { name: "a part", wanted: { apiGroups: ["apps"], resources: ["pods"], verbs: ["list"] }, missing: [] },
    {
      name: "a subresource",
      wanted: { apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["get"] },
      missing: [],
    },
    {
      name: "verbs",
      wanted: { apiGroups: [""], resources: ["pods"], verbs: ["get", "watch", "create"] },
      missing: ['{APIGroups:[""], Resources:["pods"], Verbs:["watch" "create"]}'],
    },
    {
      name: "stars",
      wanted: { apiGroups: [""], resources: ["*"], verbs: ["get"] },
      missing: ['{APIGroups:[""], Resources:["*"], Verbs:["get"]}'],
    },
    {
      name: "names",
      wanted: { apiGroups: [""], resources: ["secrets"], resourceNames: ["b"], verbs: ["delete"] },
      missing: [],
    },
    {
      name: "without names",
      wanted: { apiGroups: [""], resources: ["secrets"], verbs: ["get"] },
      missing: ['{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'],
    },
    { name: "paths", wanted: { nonResourceURLs: ["/api/v1", "/api/x*"], verbs: ["get"] }, missing: [] },
    {
      name: "other paths",
      wanted: { nonResourceURLs: ["/apis"], verbs: ["get"] },
      missing: ['{NonResourceURLs:["/apis"], Verbs:["get"]}'],
    },
  ]
  for (const { name, wanted, missing } of table) {
    test(name, () => assert.deepEqual(uncovered(held, [wanted]).map(ruleText), missing))
  }
})

test("a node may read the secrets and config maps of its own pods, by name", () => {
  const pod = {
    apiVersion: "v1" as const,
    kind: "Pod" as const,
    metadata: { namespace: "a", name: "p" },
    spec: {
      nodeName: "n1",
      serviceAccountName: "robot",
      containers: [{ name: "c", envFrom: [{ configMapRef: { name: "settings" } }] }],
      volumes: [
        { name: "v", secret: { secretName: "key" } },
        { name: "w", projected: { sources: [{ configMap: { name: "root-ca" } }] } },
      ],
    },
  }
  const authorizer = new NodeAuthorizer({
    podsOfNode: (node) => (node === "n1" ? [pod] : []),
    rules: [{ apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] }],
  })
  const n1 = user("system:node:n1", "system:nodes")
  const table: [UserInfo, string, boolean][] = [
    [n1, "get secrets@a:key", true],
    [n1, "watch configmaps@a:settings", true],
    [n1, "get configmaps@a:root-ca", true],
    [n1, "create serviceaccounts/token@a:robot", true],
    [n1, "create serviceaccounts/token@a:default", false],
    [n1, "get secrets@b:key", false],
    [n1, "get secrets@a:other", false],
    [n1, "list secrets@a", false],
    [n1, "update secrets@a:key", false],
    [n1, "get nodes", true],
    [user("system:node:n2", "system:nodes"), "get secrets@a:key", false],
    [user("system:node:n1"), "get nodes", false],
    [user("system:node:", "system:nodes"), "get nodes", false],
  ]
  for (const [who, what, expected] of table) {
    assert.equal(authorizer.authorize({ user: who, info: ask(what) }).allowed, expected, `${who.name} ${what}`)
  }
})
