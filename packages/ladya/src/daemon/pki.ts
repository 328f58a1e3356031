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

/** Writes the kubeconfig that a node joins with: its own certificate, good for a year and renewed by every `up`. */
export async function writeNodeKubeconfig(path: string, pki: Pki, node: string, server: string): Promise<void> {
  const text = newKubeconfig({
    clusterName: "ladya",
    userName: `system:node:${node}`,
    server,
    caCertificate: pki.caCertificate,
    credentials: await pki.issueClientCertificate({
      commonName: `system:node:${node}`,
      organizations: ["system:nodes"],
    }),
  })
  await writeFileAtomic(path, text, 0o600)
}
