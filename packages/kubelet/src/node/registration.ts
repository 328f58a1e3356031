import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"

export interface RegistrationConfig {
  nodeName: string
  hostname: string
  architecture: string
  /** Further labels that a person gave. */
  labels: Readonly<Record<string, string>>
  taints: readonly corev1.Taint[]
  providerId?: string
}

const attachAnnotation = "volumes.kubernetes.io/controller-managed-attach-detach"

/** The labels that every node has. */
export function nodeLabels(config: RegistrationConfig): Record<string, string> {
  return {
    ...config.labels,
    "beta.kubernetes.io/arch": config.architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": config.architecture,
    "kubernetes.io/hostname": config.hostname,
    "kubernetes.io/os": "linux",
  }
}

/** The Node as it is registered first; status comes along so that it has capacity from its first moment. */
export function planNode(config: RegistrationConfig, status: corev1.NodeStatus): corev1.Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: config.nodeName,
      labels: nodeLabels(config),
      annotations: { [attachAnnotation]: "true" },
    },
    spec: {
      ...(config.taints.length > 0 ? { taints: [...config.taints] } : {}),
      ...(config.providerId ? { providerID: config.providerId } : {}),
    },
    status,
  }
}

/** Labels of a Node that is registered already and differ from what they should be. */
export function missingLabels(node: corev1.Node, config: RegistrationConfig): Record<string, string> {
  const wanted = Object.entries(nodeLabels(config))
  return Object.fromEntries(wanted.filter(([name, value]) => node.metadata.labels?.[name] !== value))
}

/** Registers the node, or takes over the Node that is there: what a person changed on it stays. */
export async function register(
  client: Client,
  config: RegistrationConfig,
  status: corev1.NodeStatus,
): Promise<corev1.Node> {
  const nodes = client.resource(refs.nodes)
  try {
    return await nodes.create(planNode(config, status))
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error
  }
  const existing = await nodes.get(config.nodeName)
  const labels = missingLabels(existing, config)
  if (Object.keys(labels).length === 0) return existing
  return nodes.patch(config.nodeName, "merge", { metadata: { labels } })
}
