import type { corev1 } from "@ladya/api"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { AuthorizationAttributes, Authorizer, Decision } from "./authorizer.ts"
import { type PolicyRule, ruleAllows } from "./rules.ts"

type Pod = corev1.Pod

const nodeUserPrefix = "system:node:"

/** The node a user speaks for; undefined when it is not a node's agent. */
export function nodeOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(nodeUserPrefix) || !user.groups.includes("system:nodes")) return undefined
  return user.name.slice(nodeUserPrefix.length) || undefined
}

const references = new WeakMap<Pod, ReadonlySet<string>>()

/** What a pod uses, as `resource/name` in its own namespace. Pods are frozen: found once for each version. */
export function podReferences(pod: Pod): ReadonlySet<string> {
  let found = references.get(pod)
  if (!found) {
    found = new Set(collect(pod))
    references.set(pod, found)
  }
  return found
}

function* collect({ spec, metadata }: Pod): Generator<string> {
  if (!spec) return
  yield `serviceaccounts/${spec.serviceAccountName || "default"}`
  for (const { name } of spec.imagePullSecrets ?? []) yield `secrets/${name}`
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]
  for (const { env, envFrom } of containers) {
    for (const { valueFrom } of env ?? []) {
      if (valueFrom?.secretKeyRef) yield `secrets/${valueFrom.secretKeyRef.name}`
      if (valueFrom?.configMapKeyRef) yield `configmaps/${valueFrom.configMapKeyRef.name}`
    }
    for (const source of envFrom ?? []) {
      if (source.secretRef) yield `secrets/${source.secretRef.name}`
      if (source.configMapRef) yield `configmaps/${source.configMapRef.name}`
    }
  }
  for (const volume of spec.volumes ?? []) {
    if (volume.secret) yield `secrets/${volume.secret.secretName}`
    if (volume.configMap) yield `configmaps/${volume.configMap.name}`
    if (volume.persistentVolumeClaim) yield `persistentvolumeclaims/${volume.persistentVolumeClaim.claimName}`
    if (volume.ephemeral) yield `persistentvolumeclaims/${metadata.name}-${volume.name}`
    if (volume.csi?.nodePublishSecretRef) yield `secrets/${volume.csi.nodePublishSecretRef.name}`
    for (const { secret, configMap } of volume.projected?.sources ?? []) {
      if (secret) yield `secrets/${secret.name}`
      if (configMap) yield `configmaps/${configMap.name}`
    }
  }
}

export interface NodeAuthorizerDeps {
  /** The pods that are bound to a node. */
  podsOfNode(node: string): Iterable<Pod>
  /** What every node may, whatever runs on it. */
  rules: readonly PolicyRule[]
}

/** Resources that a node may only see (or ask tokens of) when a pod bound to it uses them. */
const byReference: Readonly<Record<string, readonly string[]>> = {
  secrets: ["get", "list", "watch"],
  configmaps: ["get", "list", "watch"],
  persistentvolumeclaims: ["get"],
  "serviceaccounts/token": ["create"],
}

/** Lets a node's agent do its work, and read only those secrets and config maps that its own pods use. */
export class NodeAuthorizer implements Authorizer {
  readonly name = "Node"
  readonly #deps: NodeAuthorizerDeps

  constructor(deps: NodeAuthorizerDeps) {
    this.#deps = deps
  }

  authorize({ user, info }: AuthorizationAttributes): Decision {
    const node = nodeOf(user)
    if (!node) return { allowed: false, reason: "" }
    const full = info.subresource ? `${info.resource}/${info.subresource}` : info.resource
    const verbs = info.isResource && info.group === "" ? byReference[full] : undefined
    if (verbs?.includes(info.verb)) return this.#byReference(node, info)
    if (this.#deps.rules.some((rule) => ruleAllows(rule, info))) return { allowed: true, reason: "" }
    return { allowed: false, reason: "" }
  }

  #byReference(node: string, info: AuthorizationAttributes["info"]): Decision {
    if (!info.name) return { allowed: false, reason: "can only read namespaced object of this type by name" }
    const wanted = `${info.resource}/${info.name}`
    for (const pod of this.#deps.podsOfNode(node)) {
      if (pod.metadata.namespace === info.namespace && podReferences(pod).has(wanted))
        return { allowed: true, reason: "" }
    }
    return { allowed: false, reason: `no relationship found between node ${JSON.stringify(node)} and this object` }
  }
}
