import type { ClusterLink } from "../machine/link.ts"
import type { ClusterPaths } from "./paths.ts"
import type { ClusterState } from "./state.ts"

/** Makes the cluster's certificate authority when there is none, and gives every node its kubeconfig. */
export async function issueIdentities(_paths: ClusterPaths, _state: ClusterState, _link: ClusterLink): Promise<void> {}
