import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type corev1, kindByResource, kinds, refs } from "@ladya/api"
import { deepCopy, type KubeObject, type StatusError } from "@ladya/apimachinery"
import { type Client, MemoryTransport, newClient } from "@ladya/client"
import { newMemoryStore } from "@ladya/store"
import { FakeClock, MetricsRegistry, newRandom, silentLogger } from "@ladya/util"
import type { UserInfo } from "../authentication/authenticator.ts"
import { mastersAuthorizer, newAuthorizerChain } from "../authorization/chain.ts"
import { RbacAuthorizer } from "../authorization/rbac-authorizer.ts"
import { RbacIndex } from "../authorization/rbac-index.ts"
import type { PolicyRule } from "../authorization/rules.ts"
import { newLookup } from "../lookup.ts"
import { ResourceTable } from "../resources.ts"
import { StoreFeed } from "../storage/store-feed.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts"
import { newAdmissionPlugins } from "./index.ts"
import { NamespaceLifecycle } from "./namespace-lifecycle.ts"
import { NodeRestriction } from "./node-restriction.ts"
import { Priority } from "./priority.ts"
import { RbacEscalation } from "./rbac-escalation.ts"
import { ServiceAccount } from "./service-account.ts"
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts"

const admin: UserInfo = { name: "admin", groups: ["system:masters"] }
const node1: UserInfo = { name: "system:node:n1", groups: ["system:nodes"] }

function setUp() {
  const clock = new FakeClock()
  const client = newClient(new MemoryTransport(clock))
  return { clock, client, deps: { lookup: newLookup(client), clock, random: newRandom(1) } }
}

interface Wish extends Partial<Omit<AdmissionAttributes, "kind">> {
  /** `group/resource[/subresource]` */
  on: string
}

function attributes({ on, ...more }: Wish): AdmissionAttributes {
  const [group = "", resource = "", subresource = ""] = on.split("/") as [string, string, string?]
  const kind = kindByResource({ group, version: "v1", resource })
  assert.ok(kind, on)
  const object = more.object ?? more.previous
  return {
    operation: "CREATE",
    kind,
    requested: kind,
    subresource,
    view: undefined,
    isPart: false,
    options: () => ({}),
    annotate: () => undefined,
    signal: new AbortController().signal,
    reinvocation: { isSecond: false, isWanted: false, memory: new Map() },
    namespace: object?.metadata.namespace ?? "",
    name: object?.metadata.name ?? "",
    user: admin,
    dryRun: false,
    object: undefined,
    previous: undefined,
    warnings: [],
    ...more,
  }
}

async function admit(plugin: AdmissionPlugin, wish: Wish): Promise<void> {
  const all = attributes(wish)
  if (!plugin.handles(all)) return
  await plugin.mutate?.(all)
  await plugin.validate?.(all)
}

const pod = (spec: Partial<corev1.PodSpec> = {}, metadata: KubeObject["metadata"] = {}): corev1.Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "a", name: "p", ...metadata },
  spec: { containers: [{ name: "c" }], ...spec },
})

test("plugins come in upstream's order", () => {
  const authorizer = newAuthorizerChain([])
  const clock = new FakeClock()
  const log = silentLogger
  const store = newMemoryStore({ clock })
  const resources = new ResourceTable({ store, clock, feed: new StoreFeed({ store, clock, log }) })
  for (const kind of kinds) resources.add(kind, kind)
  const plugins = newAdmissionPlugins({
    ...setUp().deps,
    log,
    resources,
    metrics: new MetricsRegistry(),
    webhooks: { call: async () => ({}), close: () => undefined },
    client: setUp().client,
    rbac: new RbacIndex(),
    authorizer,
    limitRangesIn: () => [],
    quotasIn: () => [],
  })
  assert.deepEqual(
    plugins.map((plugin) => plugin.name),
    [
      "NamespaceLifecycle",
      "RBACEscalationCheck",
      "LimitRanger",
      "ServiceAccount",
      "NodeRestriction",
      "TaintNodesByCondition",
      "Priority",
      "DefaultTolerationSeconds",
      "DefaultStorageClass",
      "StorageObjectInUseProtection",
      "RuntimeClass",
      "PodTopologyLabels",
      "MutatingAdmissionPolicy",
      "MutatingAdmissionWebhook",
      "ValidatingAdmissionPolicy",
      "ValidatingAdmissionWebhook",
      "ResourceQuota",
    ],
  )
})

describe("NamespaceLifecycle", () => {
  const create = (client: Client, name: string): Promise<unknown> =>
    client
      .resource(refs.namespaces)
      .create({ apiVersion: "v1", kind: "Namespace", metadata: { name, finalizers: ["x"] } })
  /** Runs the clock on until the admission has answered. */
  async function settled(clock: FakeClock, promise: Promise<void>): Promise<void> {
    let isDone = false
    const done = promise.finally(() => {
      isDone = true
    })
    done.catch(() => undefined)
    while (!isDone) await clock.advance(50)
    return done
  }

  test("lets in what has a namespace, refuses what has none", async () => {
    const { client, clock, deps } = setUp()
    await create(client, "a")
    const plugin = new NamespaceLifecycle(deps)
    await settled(clock, admit(plugin, { on: "/pods", object: pod() }))
    const elsewhere = pod({}, { namespace: "b" })
    await assert.rejects(settled(clock, admit(plugin, { on: "/pods", object: elsewhere })), {
      code: 404,
      message: 'namespaces "b" not found',
    })
  })

  test("refuses new content in a namespace that goes", async () => {
    const { client, clock, deps } = setUp()
    await create(client, "a")
    await client.resource(refs.namespaces).delete("a")
    const plugin = new NamespaceLifecycle(deps)
    await assert.rejects(settled(clock, admit(plugin, { on: "/pods", object: pod() })), (error: StatusError) => {
      assert.equal(
        error.message,
        'pods "p" is forbidden: unable to create new content in namespace a because it is being terminated',
      )
      assert.equal(error.status.details?.causes?.[0]?.reason, "NamespaceTerminating")
      return error.code === 403
    })
    await admit(plugin, { on: "/pods", operation: "UPDATE", object: pod(), previous: pod() })
  })

  test("keeps the system's namespaces", async () => {
    const plugin = new NamespaceLifecycle(setUp().deps)
    const remove = (name: string): Promise<void> => admit(plugin, { on: "/namespaces", operation: "DELETE", name })
    for (const name of ["default", "kube-system", "kube-public"]) {
      await assert.rejects(remove(name), {
        message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
      })
    }
    await remove("mine")
  })
})

describe("ServiceAccount", () => {
  const account = (more: Partial<corev1.ServiceAccount> = {}, name = "default"): corev1.ServiceAccount => ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { namespace: "a", name },
    ...more,
  })
  const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

  test("gives a pod its account and the token volume as clients know it", async () => {
    const { client, deps } = setUp()
    await client.resource(refs.serviceaccounts).create(account({ imagePullSecrets: [{ name: "pull" }] }))
    const object = pod({
      initContainers: [{ name: "i" }],
      containers: [{ name: "c", volumeMounts: [{ name: "x", mountPath }] }],
    })
    await admit(new ServiceAccount(deps), { on: "/pods", object })
    const { spec } = object
    assert.deepEqual([spec?.serviceAccountName, spec?.serviceAccount], ["default", "default"])
    assert.deepEqual(spec?.imagePullSecrets, [{ name: "pull" }])
    const name = spec?.volumes?.[0]?.name ?? ""
    assert.match(name, /^kube-api-access-[a-z0-9]{5}$/)
    assert.deepEqual(spec?.initContainers?.[0]?.volumeMounts, [{ name, readOnly: true, mountPath }])
    assert.deepEqual(spec?.containers[0]?.volumeMounts, [{ name: "x", mountPath }])
    assert.deepEqual(spec?.volumes, [
      {
        name,
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
            { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
            {
              downwardAPI: {
                items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
              },
            },
          ],
        },
      },
    ])
  })

  test("mounts no token where pod or account do not want one; the pod has the last word", async () => {
    const table: { account?: boolean; pod?: boolean; mounted: boolean }[] = [
      { mounted: true },
      { account: false, mounted: false },
      { account: false, pod: true, mounted: true },
      { pod: false, mounted: false },
    ]
    for (const row of table) {
      const { client, deps } = setUp()
      await client
        .resource(refs.serviceaccounts)
        .create(account(row.account === undefined ? {} : { automountServiceAccountToken: row.account }))
      const object = pod(row.pod === undefined ? {} : { automountServiceAccountToken: row.pod })
      await admit(new ServiceAccount(deps), { on: "/pods", object })
      assert.equal(object.spec?.volumes !== undefined, row.mounted, JSON.stringify(row))
    }
  })

  test("waits a moment for the default account, refuses a pod whose account is not there", async () => {
    const { client, clock, deps } = setUp()
    const plugin = new ServiceAccount(deps)
    await assert.rejects(admit(plugin, { on: "/pods", object: pod({ serviceAccountName: "robot" }) }), {
      code: 403,
      message: 'pods "p" is forbidden: error looking up service account a/robot: serviceaccount "robot" not found',
    })
    const object = pod()
    const waiting = admit(plugin, { on: "/pods", object })
    await clock.advance(250)
    await client.resource(refs.serviceaccounts).create(account())
    await clock.advance(250)
    await waiting
    assert.equal(object.spec?.serviceAccountName, "default")
  })

  test("a mirror pod uses no account", async () => {
    const plugin = new ServiceAccount(setUp().deps)
    const annotations = { "kubernetes.io/config.mirror": "hash" }
    const object = pod({}, { annotations })
    await admit(plugin, { on: "/pods", object })
    assert.equal(object.spec?.serviceAccountName, undefined)
    await assert.rejects(admit(plugin, { on: "/pods", object: pod({ serviceAccountName: "x" }, { annotations }) }), {
      message: /a mirror pod may not reference service accounts/,
    })
  })
})

describe("Priority", () => {
  async function withClasses() {
    const { client, deps } = setUp()
    const classes = client.resource(refs.priorityclasses)
    const apiVersion = "scheduling.k8s.io/v1" as const
    await classes.create({
      apiVersion,
      kind: "PriorityClass",
      metadata: { name: "high" },
      value: 1000,
      preemptionPolicy: "Never",
    })
    const low = { apiVersion, kind: "PriorityClass" as const, metadata: { name: "low" }, value: 5, globalDefault: true }
    await classes.create(low)
    return { plugin: new Priority(deps), low }
  }

  test("turns classes into numbers", async () => {
    const { plugin } = await withClasses()
    const table: [Partial<corev1.PodSpec>, unknown[]][] = [
      [{ priorityClassName: "high" }, ["high", 1000, "Never"]],
      [{}, ["low", 5, "PreemptLowerPriority"]],
      [{ priorityClassName: "high", priority: 1000 }, ["high", 1000, "Never"]],
    ]
    for (const [spec, expected] of table) {
      const object = pod(spec)
      await admit(plugin, { on: "/pods", object })
      const { priorityClassName, priority, preemptionPolicy } = object.spec!
      assert.deepEqual([priorityClassName, priority, preemptionPolicy], expected)
    }
  })

  test("without any class a pod has priority 0", async () => {
    const object = pod()
    await admit(new Priority(setUp().deps), { on: "/pods", object })
    assert.deepEqual([object.spec?.priorityClassName, object.spec?.priority], [undefined, 0])
  })

  test("refuses what it does not know, and numbers that do not fit", async () => {
    const { plugin, low } = await withClasses()
    await assert.rejects(admit(plugin, { on: "/pods", object: pod({ priorityClassName: "x" }) }), {
      message: 'pods "p" is forbidden: no PriorityClass with name x was found',
    })
    await assert.rejects(admit(plugin, { on: "/pods", object: pod({ priority: 7 }) }), {
      message: /the integer value of priority \(7\) must not be provided in pod spec; .* computed 5 from/,
    })
    const second = { ...low, metadata: { name: "second" } }
    await assert.rejects(admit(plugin, { on: "scheduling.k8s.io/priorityclasses", object: second }), {
      message: /PriorityClass low is already marked as default/,
    })
    await admit(plugin, { on: "scheduling.k8s.io/priorityclasses", operation: "UPDATE", object: low, previous: low })
  })
})

test("DefaultTolerationSeconds adds what a pod has not said itself", () => {
  const added = (key: string): corev1.Toleration => ({
    key: `node.kubernetes.io/${key}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 300,
  })
  const own: corev1.Toleration = { key: "node.kubernetes.io/not-ready", operator: "Exists", tolerationSeconds: 1 }
  const table: [corev1.Toleration[], corev1.Toleration[]][] = [
    [[], [added("not-ready"), added("unreachable")]],
    [[own], [own, added("unreachable")]],
    [[{ operator: "Exists" }], [{ operator: "Exists" }]],
    [
      [{ operator: "Exists", effect: "NoSchedule" }],
      [{ operator: "Exists", effect: "NoSchedule" }, added("not-ready"), added("unreachable")],
    ],
  ]
  for (const [given, expected] of table) {
    const object = pod({ tolerations: given })
    defaultTolerationSeconds.mutate?.(attributes({ on: "/pods", object }))
    assert.deepEqual(object.spec?.tolerations, expected)
  }
})

test("TaintNodesByCondition taints a new node once", () => {
  const object: corev1.Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } }
  const taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }
  for (let i = 0; i < 2; i++) taintNodesByCondition.mutate?.(attributes({ on: "/nodes", object }))
  assert.deepEqual(object.spec?.taints, [taint])
})

describe("NodeRestriction lets a node", () => {
  const mirror = { "kubernetes.io/config.mirror": "hash" }
  const node = (name: string, labels: Record<string, string> = {}, spec: corev1.NodeSpec = {}): corev1.Node => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
    spec,
  })
  const lease = (namespace: string, name: string): KubeObject => ({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace, name },
  })
  const slice = (name: string): KubeObject => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "kube-system", name },
  })
  const own = pod({ nodeName: "n1" })
  const foreign = pod({ nodeName: "n2" })
  const token = (ref: object): KubeObject =>
    ({
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: { namespace: "a", name: "robot" },
      spec: { boundObjectRef: ref },
    }) as unknown as KubeObject
  const zone = { "topology.kubernetes.io/zone": "z" }
  const table: { name: string; wish: Wish; refused?: RegExp }[] = [
    { name: "create its mirror pods", wish: { on: "/pods", object: pod({ nodeName: "n1" }, { annotations: mirror }) } },
    { name: "not create others", wish: { on: "/pods", object: own }, refused: /can only create mirror pods/ },
    {
      name: "not create mirror pods elsewhere",
      wish: { on: "/pods", object: pod({ nodeName: "n2" }, { annotations: mirror }) },
      refused: /can only create pods with spec.nodeName set to itself/,
    },
    {
      name: "not create mirror pods that use secrets",
      wish: {
        on: "/pods",
        object: pod({ nodeName: "n1", volumes: [{ name: "v", secret: { secretName: "s" } }] }, { annotations: mirror }),
      },
      refused: /can not create pods that reference secrets/,
    },
    { name: "delete its pods", wish: { on: "/pods", operation: "DELETE", previous: own } },
    {
      name: "not delete others",
      wish: { on: "/pods", operation: "DELETE", previous: foreign },
      refused: /^pods "p" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself$/,
    },
    {
      name: "write the status of its pods",
      wish: { on: "/pods/status", operation: "UPDATE", object: own, previous: own },
    },
    {
      name: "not write the status of others",
      wish: { on: "/pods/status", operation: "UPDATE", object: foreign, previous: foreign },
      refused: /can only update status for pods/,
    },
    {
      name: "not change labels through the status",
      wish: {
        on: "/pods/status",
        operation: "UPDATE",
        object: pod({ nodeName: "n1" }, { labels: { a: "b" } }),
        previous: own,
      },
      refused: /cannot update labels through pod status/,
    },
    { name: "create its Node", wish: { on: "/nodes", object: node("n1", { ...zone, mine: "yes" }) } },
    {
      name: "not create another",
      wish: { on: "/nodes", object: node("n2") },
      refused: /node "n1" is not allowed to modify node "n2"/,
    },
    {
      name: "not create it with labels that are not its own",
      wish: { on: "/nodes", object: node("n1", { "node-role.kubernetes.io/control-plane": "" }) },
      refused: /not allowed to set the following labels: node-role.kubernetes.io\/control-plane/,
    },
    {
      name: "update its Node",
      wish: { on: "/nodes/status", operation: "UPDATE", object: node("n1", zone), previous: node("n1") },
    },
    {
      name: "not lift its taints",
      wish: {
        on: "/nodes",
        operation: "UPDATE",
        object: node("n1"),
        previous: node("n1", {}, { taints: [{ key: "k", effect: "NoSchedule" }] }),
      },
      refused: /not allowed to modify taints/,
    },
    {
      name: "not take a restricted label",
      wish: {
        on: "/nodes",
        operation: "UPDATE",
        object: node("n1", { "x.node-restriction.kubernetes.io/y": "z" }),
        previous: node("n1"),
      },
      refused: /is not allowed to modify labels: x.node-restriction.kubernetes.io\/y/,
    },
    { name: "renew its Lease", wish: { on: "coordination.k8s.io/leases", object: lease("kube-node-lease", "n1") } },
    {
      name: "not another's",
      wish: { on: "coordination.k8s.io/leases", object: lease("kube-node-lease", "n2") },
      refused: /can only access node's own lease/,
    },
    {
      name: "not Leases elsewhere",
      wish: { on: "coordination.k8s.io/leases", object: lease("a", "n1") },
      refused: /own lease/,
    },
    { name: "publish its DNS", wish: { on: "discovery.k8s.io/endpointslices", object: slice("kube-dns-n1") } },
    {
      name: "not other slices",
      wish: { on: "discovery.k8s.io/endpointslices", object: slice("web") },
      refused: /own endpoint slice/,
    },
    {
      name: "ask tokens of its pods",
      wish: { on: "/serviceaccounts/token", object: token({ kind: "Pod", name: "p", uid: "UID" }) },
    },
    {
      name: "not ask unbound tokens",
      wish: { on: "/serviceaccounts/token", object: token({}) },
      refused: /node requested token not bound to a pod/,
    },
    {
      name: "not ask tokens of other nodes' pods",
      wish: { on: "/serviceaccounts/token", object: token({ kind: "Pod", name: "q", uid: "UID" }) },
      refused: /bound to a pod scheduled on a different node/,
    },
    {
      name: "write what is no concern of this plugin",
      wish: { on: "/events", object: { ...lease("a", "e"), kind: "Event" } },
    },
  ]
  for (const { name, wish, refused } of table) {
    test(name, async () => {
      const { client, deps } = setUp()
      const pods = client.resource(refs.pods)
      const first = await pods.create(deepCopy(own))
      const second = await pods.create(pod({ nodeName: "n2" }, { name: "q" }))
      const ref = (wish.object as { spec?: { boundObjectRef?: { name?: string; uid?: string } } } | undefined)?.spec
        ?.boundObjectRef
      if (ref?.uid) ref.uid = (ref.name === "p" ? first : second).metadata.uid ?? ""
      const answer = admit(new NodeRestriction(deps), { ...wish, user: node1 })
      if (refused) await assert.rejects(answer, { code: 403, message: refused })
      else await answer
    })
  }

  test("and leaves everyone else alone", async () => {
    const plugin = new NodeRestriction(setUp().deps)
    await admit(plugin, { on: "/nodes", object: node("n2"), user: { name: "system:node:n1", groups: [] } })
  })
})

describe("RBACEscalationCheck", () => {
  const podReader: PolicyRule = { apiGroups: [""], resources: ["pods"], verbs: ["get"] }
  const eve: UserInfo = { name: "eve", groups: ["devs"] }
  const role = (rules: PolicyRule[], more: object = {}): KubeObject =>
    ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "r" },
      rules,
      ...more,
    }) as KubeObject
  const bindingTo = (name: string): KubeObject =>
    ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "b" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    }) as KubeObject

  /** eve holds these rules; the roles `reader` and `owner` exist. */
  function pluginFor(held: PolicyRule[]): RbacEscalation {
    const index = new RbacIndex()
    const objects: Record<string, KubeObject[]> = {
      ClusterRole: [
        { ...role(held), metadata: { name: "held" } },
        { ...role([podReader]), metadata: { name: "reader" } },
        { ...role([{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]), metadata: { name: "owner" } },
      ],
      ClusterRoleBinding: [{ ...bindingTo("held"), subjects: [{ kind: "Group", name: "devs" }] } as KubeObject],
    }
    index.follow({
      subscribe(ref, handler) {
        for (const object of objects[ref.kind] ?? []) handler.add?.(object as never)
      },
    })
    const authorizer = newAuthorizerChain([mastersAuthorizer, new RbacAuthorizer(index)])
    return new RbacEscalation({ index, authorizer })
  }
  const may = (verb: string, resourceNames?: string[]): PolicyRule => ({
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["clusterroles"],
    verbs: [verb],
    ...(resourceNames ? { resourceNames } : {}),
  })
  const roles = "rbac.authorization.k8s.io/clusterroles"
  const bindings = "rbac.authorization.k8s.io/clusterrolebindings"
  const table: { name: string; held: PolicyRule[]; wish: Wish; refused?: RegExp | string }[] = [
    { name: "a role that is held", held: [podReader], wish: { on: roles, object: role([podReader]) } },
    {
      name: "a role that is not",
      held: [],
      wish: { on: roles, object: role([podReader]) },
      refused:
        'clusterroles.rbac.authorization.k8s.io "r" is forbidden: user "eve" (groups=["devs"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}',
    },
    { name: "a role by escalate", held: [may("escalate")], wish: { on: roles, object: role([podReader]) } },
    {
      name: "an aggregation",
      held: [podReader],
      wish: { on: roles, object: role([], { aggregationRule: { clusterRoleSelectors: [] } }) },
      refused: /must have cluster-admin privileges to use an aggregationRule/,
    },
    {
      name: "a binding to a role that is held",
      held: [podReader],
      wish: { on: bindings, object: bindingTo("reader") },
    },
    {
      name: "a binding to a role that is not",
      held: [podReader],
      wish: { on: bindings, object: bindingTo("owner") },
      refused: /clusterrolebindings.rbac.authorization.k8s.io "b" is forbidden: user "eve" .*not currently held/,
    },
    { name: "a binding by bind", held: [may("bind", ["owner"])], wish: { on: bindings, object: bindingTo("owner") } },
    {
      name: "a binding by bind of another role",
      held: [may("bind", ["reader"])],
      wish: { on: bindings, object: bindingTo("owner") },
      refused: /not currently held/,
    },
    {
      name: "a binding to a role that is not there",
      held: [],
      wish: { on: bindings, object: bindingTo("gone") },
      refused: 'clusterroles.rbac.authorization.k8s.io "gone" not found',
    },
    { name: "anything by an administrator", held: [], wish: { on: bindings, object: bindingTo("owner"), user: admin } },
  ]
  for (const { name, held, wish, refused } of table) {
    test(`${refused ? "refuses" : "lets in"} ${name}`, async () => {
      const answer = admit(pluginFor(held), { user: eve, ...wish })
      if (refused) await assert.rejects(answer, { message: refused })
      else await answer
    })
  }
})
