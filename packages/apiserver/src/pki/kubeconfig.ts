import type { KeyPairPem } from "./files.ts"

export interface KubeconfigOptions {
  /** Names the cluster and the context. */
  clusterName: string
  /** `https://host:port` */
  server: string
  /** PEM. */
  caCertificate: string
  userName: string
  credentials: KeyPairPem
  namespace?: string
}

/** A kubeconfig that needs no other file. */
export function newKubeconfig(options: KubeconfigOptions): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64")
  const quoted = (text: string): string => JSON.stringify(text)
  const context = quoted(options.clusterName)
  return `apiVersion: v1
kind: Config
clusters:
- name: ${context}
  cluster:
    server: ${quoted(options.server)}
    certificate-authority-data: ${base64(options.caCertificate)}
users:
- name: ${quoted(options.userName)}
  user:
    client-certificate-data: ${base64(options.credentials.certificate)}
    client-key-data: ${base64(options.credentials.key)}
contexts:
- name: ${context}
  context:
    cluster: ${context}
    user: ${quoted(options.userName)}
${options.namespace ? `    namespace: ${quoted(options.namespace)}\n` : ""}current-context: ${context}
preferences: {}
`
}
