import { chmod, mkdir } from "node:fs/promises"
import type { corev1 } from "@ladya/api"
import { isMountPoint, mountHugePages, mountTmpfs, unmountAndRemove } from "../mounts.ts"
import { applyGroup, hasGroup } from "../ownership.ts"
import type { SetUpRequest, SetUpResult, VolumePlugin } from "../plugin.ts"
import { hugePageSize, memorySizeLimit } from "./size.ts"

export interface EmptyDirDeps {
  /** Memory that pods of this node may use, in bytes. */
  allocatableMemoryBytes(): number
}

/** Scratch space that lives as long as the pod, on disk or in memory, writable by all. */
export function newEmptyDirPlugin(deps: EmptyDirDeps): VolumePlugin<corev1.EmptyDirVolumeSource> {
  const setUpMedium = async (request: SetUpRequest<corev1.EmptyDirVolumeSource>): Promise<void> => {
    const { directory, spec, pod } = request
    const medium = spec.medium ?? ""
    if (medium === "Memory") {
      await mountTmpfs(directory, {
        mode: "1777",
        sizeBytes: memorySizeLimit(spec, pod, deps.allocatableMemoryBytes()),
      })
    } else if (medium.startsWith("HugePages")) {
      await mountHugePages(directory, hugePageSize(medium, pod))
    } else if (medium !== "") {
      throw new Error(`unknown storage medium ${JSON.stringify(medium)}`)
    }
  }

  return {
    name: "kubernetes.io/empty-dir",
    spec: (volume) => volume.emptyDir,

    async setUp(request): Promise<SetUpResult> {
      const { directory, pod } = request
      const made = (await mkdir(directory, { recursive: true, mode: 0o755 })) !== undefined
      const mounted = !made && (await isMountPoint(directory))
      // mkdir's mode is subject to the umask; a container may have narrowed the mode since, which is its right.
      if (made) await chmod(directory, 0o777)
      if (!mounted) await setUpMedium(request)
      const group = pod.spec?.securityContext?.fsGroup
      if (group !== undefined && !(await hasGroup(directory, group, { readOnly: false }))) {
        await applyGroup(directory, group, { readOnly: false })
      }
      return { hostPath: directory }
    },

    tearDown: unmountAndRemove,
  }
}
