import { mkdir } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { ensurePki, newKubeconfig, type Pki } from "@ladya/apiserver"
import { type Logger, systemClock } from "@ladya/util"
import { writeFileAtomic } from "../system/files.ts"
import { cluster } from "./cluster-facts.ts"

/** The keys of a server that is reached at these addresses; whatever is missing is made. */
export function openPki(dataDirectory: string, hosts: readonly string[], log: Logger): Promise<Pki> {
  const named = hosts.filter((host) => !["0.0.0.0", "::", "127.0.0.1", "localhost"].includes(host))
  const isAddress = (host: string): boolean => /^[\d.]+$|:/.test(host)
  return ensurePki(join(dataDirectory, "pki"), {
    clock: systemClock,
    log,
    serverNames: [hostname().toLowerCase(), ...named.filter((host) => !isAddress(host))],
    serverAddresses: named.filter(isAddress),
    serviceAddress: cluster.kubernetesServiceAddress,
  })
}

/** Writes the administrator's way into the cluster. */
export async function writeAdminKubeconfig(dataDirectory: string, pki: Pki, server: string): Promise<void> {
  const text = newKubeconfig({
    ...{ clusterName: "ladya", userName: "kubernetes-admin", server, credentials: pki.admin },
    caCertificate: pki.caCertificate,
  })
  await writeFileAtomic(join(dataDirectory, "admin.kubeconfig"), text, 0o600)
}

export interface NodeIdentity {
  name: string
  address: string
  /** Where the API is for the node. */
  server: string
  /** The agent's data directory. */
  directory: string
}

/** Writes what a node joins with: its kubeconfig, and the certificate that it shows to the API server. Good for a year. */
export async function writeNodeIdentity(pki: Pki, node: NodeIdentity): Promise<void> {
  const { name, directory, server } = node
  await mkdir(join(directory, "pki"), { recursive: true, mode: 0o700 })
  const serving = await pki.issueServingCertificate({
    commonName: `system:node:${name}`,
    organizations: ["system:nodes"],
    dnsNames: [name],
    ipAddresses: [node.address],
  })
  await writeFileAtomic(join(directory, "pki/kubelet.crt"), serving.certificate, 0o600)
  await writeFileAtomic(join(directory, "pki/kubelet.key"), serving.key, 0o600)
  const text = newKubeconfig({
    clusterName: "ladya",
    userName: `system:node:${name}`,
    server,
    caCertificate: pki.caCertificate,
    credentials: await pki.issueClientCertificate({
      commonName: `system:node:${name}`,
      organizations: ["system:nodes"],
    }),
  })
  await writeFileAtomic(join(directory, "kubeconfig"), text, 0o600)
}
