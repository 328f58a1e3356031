import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { corev1 } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { FakeClock } from "@ladya/util"
import { newConfigMapPlugin } from "./config-map/plugin.ts"
import { newDownwardApiPlugin } from "./downward-api/plugin.ts"
import { newEmptyDirPlugin } from "./empty-dir/plugin.ts"
import { newHostPathPlugin } from "./host-path/plugin.ts"
import { newPersistentVolumeClaimPlugin } from "./persistent-volume-claim/plugin.ts"
import type { VolumePlugin } from "./plugin.ts"
import { newProjectedPlugin } from "./projected/plugin.ts"
import { newSecretPlugin } from "./secret/plugin.ts"
import { type ContractCase, volumeContract } from "./testing/contract.ts"
import { configMap, newMemoryObjects, secret } from "./testing/objects.ts"

const clock = new FakeClock()
const objects = newMemoryObjects([
  configMap("settings", { colour: "blue", size: "5" }),
  secret("login", { user: "ann" }),
])
const allocatable = () => ({ cpu: "2", memory: "4Gi" })
const tokens = { get: async () => ({ token: "t0k3n", refreshAt: clock.now() + 1000 }) }

/** A client that serves a claim bound to a local volume in `<directory>/data`. */
function claimClient(directory: string): Client {
  const data = join(directory, "data")
  mkdirSync(data, { recursive: true })
  const claim: corev1.PersistentVolumeClaim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { namespace: "default", name: "claim", uid: "c1" },
    spec: { volumeName: "pv1" },
    status: { phase: "Bound" },
  }
  const volume: corev1.PersistentVolume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "pv1" },
    spec: { local: { path: data }, claimRef: { uid: "c1" } },
  }
  const answers: Record<string, KubeObject> = { persistentvolumeclaims: claim, persistentvolumes: volume }
  return {
    resource: <T extends KubeObject>(ref: ResourceRef<T>) => ({ get: async () => answers[ref.resource] as T }),
  } as unknown as Client
}

const emptyDir = () => newEmptyDirPlugin({ allocatableMemoryBytes: () => 64 << 20 }) as VolumePlugin

const cases: ContractCase[] = [
  {
    name: "emptyDir on disk",
    newPlugin: emptyDir,
    volume: () => ({ name: "scratch", emptyDir: {} }),
    keepsFiles: true,
    external: false,
  },
  {
    name: "emptyDir in memory",
    newPlugin: emptyDir,
    volume: () => ({ name: "scratch", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }),
    keepsFiles: true,
    external: false,
  },
  {
    name: "hostPath",
    newPlugin: () => newHostPathPlugin() as VolumePlugin,
    volume: (directory) => ({ name: "host", hostPath: { path: join(directory, "made"), type: "DirectoryOrCreate" } }),
    keepsFiles: true,
    external: true,
  },
  {
    name: "configMap",
    newPlugin: () => newConfigMapPlugin({ objects, clock }) as VolumePlugin,
    volume: () => ({ name: "config", configMap: { name: "settings" } }),
    files: { colour: "blue", size: "5" },
    keepsFiles: false,
    external: false,
  },
  {
    name: "secret",
    newPlugin: () => newSecretPlugin({ objects, clock }) as VolumePlugin,
    volume: () => ({ name: "login", secret: { secretName: "login", items: [{ key: "user", path: "deep/name" }] } }),
    files: { "deep/name": "ann" },
    keepsFiles: false,
    external: false,
  },
  {
    name: "downwardAPI",
    newPlugin: () => newDownwardApiPlugin({ clock, allocatable }) as VolumePlugin,
    volume: () => ({
      name: "self",
      downwardAPI: {
        items: [
          { path: "name", fieldRef: { fieldPath: "metadata.name" } },
          { path: "cpu", resourceFieldRef: { containerName: "main", resource: "limits.cpu", divisor: "1m" } },
        ],
      },
    }),
    files: { name: "web", cpu: "2000" },
    keepsFiles: false,
    external: false,
  },
  {
    name: "projected",
    newPlugin: () => newProjectedPlugin({ objects, tokens, clock, allocatable }) as VolumePlugin,
    volume: () => ({
      name: "all",
      projected: {
        sources: [
          { serviceAccountToken: { path: "token" } },
          { configMap: { name: "settings", items: [{ key: "colour", path: "colour" }] } },
          { secret: { name: "login" } },
          { downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
        ],
      },
    }),
    files: { token: "t0k3n", colour: "blue", user: "ann", labels: 'app="web"' },
    keepsFiles: false,
    external: false,
  },
  {
    name: "persistentVolumeClaim of a local volume",
    newPlugin: (directory) => newPersistentVolumeClaimPlugin({ client: claimClient(directory) }) as VolumePlugin,
    volume: () => ({ name: "data", persistentVolumeClaim: { claimName: "claim" } }),
    keepsFiles: true,
    external: true,
  },
]

for (const contractCase of cases) volumeContract(contractCase)
