import { silentLogger } from "@ladya/util"
import { openPki, writeNodeIdentity } from "../daemon/pki.ts"
import type { ClusterLink } from "../machine/link.ts"
import type { ClusterPaths } from "./paths.ts"
import type { ClusterState } from "./state.ts"

/** Makes the cluster's certificate authority when there is none, and gives every node what it joins with. */
export async function issueIdentities(paths: ClusterPaths, state: ClusterState, link: ClusterLink): Promise<void> {
  const pki = await openPki(paths.server, ["127.0.0.1", link.gateway], silentLogger)
  const server = `https://${link.gateway}:${state.apiPort}`
  await Promise.all(
    state.nodes.map(({ name, address }) =>
      writeNodeIdentity(pki, { name, address, server, directory: paths.node(name).directory }),
    ),
  )
}
