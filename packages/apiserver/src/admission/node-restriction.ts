import { type authenticationv1, type corev1, refs } from "@ladya/api"
import { semanticEqual } from "@ladya/apimachinery"
import { nodeOf, podReferences } from "../authorization/node-authorizer.ts"
import type { Lookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { refusal } from "./refuse.ts"
import { mirrorAnnotation } from "./service-account.ts"

/** Labels below kubernetes.io and k8s.io that a node may give itself. */
const ownLabels = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "node.kubernetes.io/instance-type",
  "beta.kubernetes.io/instance-type",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
])
const ownLabelDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"]

function isProtectedLabel(label: string): boolean {
  const slash = label.indexOf("/")
  const domain = slash < 0 ? "" : label.slice(0, slash)
  const below = (parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`)
  if (below("node-restriction.kubernetes.io")) return true
  if (!below("kubernetes.io") && !below("k8s.io")) return false
  return !ownLabels.has(label) && !ownLabelDomains.some(below)
}

function protectedChanges(next: Record<string, string> = {}, previous: Record<string, string> = {}): string[] {
  const labels = new Set([...Object.keys(next), ...Object.keys(previous)])
  return [...labels].filter((label) => next[label] !== previous[label] && isProtectedLabel(label)).sort()
}

type Check = (plugin: NodeRestriction, node: string, attributes: AdmissionAttributes) => Promise<void> | void

/** A node's agent changes only what is its own: its Node, its Lease, the pods bound to it. */
export class NodeRestriction implements AdmissionPlugin {
  readonly name = "NodeRestriction"
  readonly lookup: Lookup

  constructor(deps: { lookup: Lookup }) {
    this.lookup = deps.lookup
  }

  handles({ user }: AdmissionAttributes): boolean {
    return nodeOf(user) !== undefined
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { kind, subresource, user } = attributes
    const resource = kind.group ? `${kind.group}/${kind.resource}` : kind.resource
    const check = checks[subresource ? `${resource}/${subresource}` : resource]
    await check?.(this, nodeOf(user) as string, attributes)
  }

  async pod(attributes: AdmissionAttributes): Promise<corev1.Pod | undefined> {
    const { previous, namespace, name } = attributes
    return (previous as corev1.Pod | undefined) ?? (await this.lookup.get(refs.pods, namespace, name))
  }
}

const checks: Readonly<Record<string, Check>> = {
  pods(plugin, node, attributes) {
    switch (attributes.operation) {
      case "CREATE":
        return checkMirrorPod(node, attributes)
      case "DELETE":
        return checkOwnPod(plugin, node, attributes, "delete")
      default:
        throw refusal(
          attributes,
          `unexpected operation ${JSON.stringify(attributes.operation)}, node ${quoted(node)} can only create and delete mirror pods`,
        )
    }
  },
  "pods/status"(plugin, node, attributes) {
    if (attributes.operation !== "UPDATE")
      throw refusal(attributes, `unexpected operation ${JSON.stringify(attributes.operation)}`)
    const labels = attributes.object?.metadata.labels ?? {}
    if (!semanticEqual(labels, attributes.previous?.metadata.labels ?? {})) {
      throw refusal(attributes, `node ${quoted(node)} cannot update labels through pod status`)
    }
    return checkOwnPod(plugin, node, attributes, "update status for")
  },
  "pods/eviction": (plugin, node, attributes) => checkOwnPod(plugin, node, attributes, "evict"),
  nodes: (_plugin, node, attributes) => checkNode(node, attributes),
  "nodes/status": (_plugin, node, attributes) => checkNode(node, attributes),
  "coordination.k8s.io/leases": (_plugin, node, attributes) =>
    checkNamed(node, attributes, "lease", (namespace) => namespace === "kube-node-lease", node),
  "storage.k8s.io/csinodes": (_plugin, node, attributes) => checkNamed(node, attributes, "CSINode", () => true, node),
  "discovery.k8s.io/endpointslices": (_plugin, node, attributes) =>
    checkNamed(node, attributes, "endpoint slice", (namespace) => namespace === "kube-system", `kube-dns-${node}`),
  "serviceaccounts/token": checkToken,
}

const quoted = (text: string): string => JSON.stringify(text)

function checkMirrorPod(node: string, attributes: AdmissionAttributes): void {
  const pod = attributes.object as corev1.Pod
  if (pod.metadata.annotations?.[mirrorAnnotation] === undefined) {
    throw refusal(
      attributes,
      `pod does not have ${quoted(mirrorAnnotation)} annotation, node ${quoted(node)} can only create mirror pods`,
    )
  }
  if (pod.spec?.nodeName !== node) {
    throw refusal(attributes, `node ${quoted(node)} can only create pods with spec.nodeName set to itself`)
  }
  const owners = pod.metadata.ownerReferences ?? []
  const owner = owners[0]
  if (
    owners.length > 1 ||
    (owner && !(owner.kind === "Node" && owner.apiVersion === "v1" && owner.name === node && owner.controller))
  ) {
    throw refusal(attributes, `node ${quoted(node)} can only create pods with an owner reference set to itself`)
  }
  // What a mirror pod used, the node could read: it may use nothing.
  const { serviceAccountName } = pod.spec
  if (serviceAccountName)
    throw refusal(attributes, `node ${quoted(node)} can not create pods that reference a service account`)
  const used = [...podReferences({ ...pod })].find((reference) => !reference.startsWith("serviceaccounts/"))
  if (used) {
    throw refusal(
      attributes,
      `node ${quoted(node)} can not create pods that reference ${used.slice(0, used.indexOf("/"))}`,
    )
  }
}

async function checkOwnPod(
  plugin: NodeRestriction,
  node: string,
  attributes: AdmissionAttributes,
  verb: string,
): Promise<void> {
  const pod = await plugin.pod(attributes)
  if (pod && pod.spec?.nodeName !== node) {
    throw refusal(attributes, `node ${quoted(node)} can only ${verb} pods with spec.nodeName set to itself`)
  }
}

function checkNode(node: string, attributes: AdmissionAttributes): void {
  const { operation, name, object, previous } = attributes
  if (name !== node) throw refusal(attributes, `node ${quoted(node)} is not allowed to modify node ${quoted(name)}`)
  const next = object as corev1.Node | undefined
  const old = previous as corev1.Node | undefined
  if (operation === "CREATE") {
    const labels = protectedChanges(next?.metadata.labels)
    if (labels.length > 0) {
      throw refusal(attributes, `node ${quoted(node)} is not allowed to set the following labels: ${labels.join(", ")}`)
    }
  }
  if (operation !== "UPDATE") return
  if (!semanticEqual(next?.spec?.taints ?? [], old?.spec?.taints ?? [])) {
    throw refusal(attributes, `node ${quoted(node)} is not allowed to modify taints`)
  }
  const labels = protectedChanges(next?.metadata.labels, old?.metadata.labels)
  if (labels.length > 0) {
    throw refusal(attributes, `is not allowed to modify labels: ${labels.join(", ")}`)
  }
}

function checkNamed(
  node: string,
  attributes: AdmissionAttributes,
  what: string,
  isPlace: (namespace: string) => boolean,
  wanted: string,
): void {
  const { namespace, name } = attributes
  if (isPlace(namespace) && name === wanted) return
  throw refusal(attributes, `can only access node's own ${what} named ${quoted(wanted)} (node ${quoted(node)})`)
}

async function checkToken(plugin: NodeRestriction, node: string, attributes: AdmissionAttributes): Promise<void> {
  const { spec } = attributes.object as unknown as authenticationv1.TokenRequest
  const bound = spec?.boundObjectRef
  if (bound?.kind !== "Pod" || !bound.name) throw refusal(attributes, "node requested token not bound to a pod")
  if (!bound.uid) throw refusal(attributes, "node requested token with a pod binding without a uid")
  const pod = await plugin.lookup.get(refs.pods, attributes.namespace, bound.name)
  if (!pod || pod.metadata.uid !== bound.uid) {
    throw refusal(
      attributes,
      `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  }
  if (pod.spec?.nodeName !== node)
    throw refusal(attributes, "node requested token bound to a pod scheduled on a different node")
}
