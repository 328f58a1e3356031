import { chmod, mkdir } from "node:fs/promises"
import type { corev1 } from "@ladya/api"
import type { Clock } from "@ladya/util"
import { type Payload, writeAtomically } from "./atomic-writer.ts"
import { mountTmpfs } from "./mounts.ts"
import { addedFileMode, applyGroup } from "./ownership.ts"

export interface ApiVolumeRequest {
  pod: corev1.Pod
  directory: string
  payload: Payload
  /** Keep the content off the disk. */
  inMemory: boolean
  /** Sets the owner of files that want another than root, in a version's directory. */
  chown?: (versionDirectory: string) => Promise<void>
}

/** Brings a volume whose content comes from the API up to date: the part common to all of that kind. */
export async function writeApiVolume(clock: Clock, request: ApiVolumeRequest): Promise<void> {
  const { directory, pod } = request
  if (request.inMemory) await mountTmpfs(directory, { mode: "1777" })
  else if ((await mkdir(directory, { recursive: true, mode: 0o755 })) !== undefined) await chmod(directory, 0o777)
  const group = pod.spec?.securityContext?.fsGroup
  await writeAtomically(directory, request.payload, {
    nowMs: clock.now(),
    addedMode: addedFileMode({ group, readOnly: true }),
    prepare: async (version) => {
      if (group !== undefined) await applyGroup(version, group, { readOnly: true })
      await request.chown?.(version)
    },
  })
}
