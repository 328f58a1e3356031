import { mkdir } from "node:fs/promises"
import { dirname } from "node:path"
import { silentLogger } from "@ladya/util"
import { openPki, writeNodeKubeconfig } from "../daemon/pki.ts"
import type { ClusterLink } from "../machine/link.ts"
import type { ClusterPaths } from "./paths.ts"
import type { ClusterState } from "./state.ts"

/** Makes the cluster's certificate authority when there is none, and gives every node its kubeconfig. */
export async function issueIdentities(paths: ClusterPaths, state: ClusterState, link: ClusterLink): Promise<void> {
  const pki = await openPki(paths.server, ["127.0.0.1", link.gateway], silentLogger)
  await Promise.all(
    state.nodes.map(async ({ name }) => {
      const { kubeconfig } = paths.node(name)
      await mkdir(dirname(kubeconfig), { recursive: true, mode: 0o700 })
      await writeNodeKubeconfig(kubeconfig, pki, name, `https://${link.gateway}:${state.apiPort}`)
    }),
  )
}
