import { chown } from "node:fs/promises"
import { join } from "node:path"
import type { corev1 } from "@ladya/api"
import type { Clock } from "@ladya/util"
import { writeApiVolume } from "../api-volume.ts"
import type { Payload, PayloadFile } from "../atomic-writer.ts"
import { downwardPayload } from "../downward-api/plugin.ts"
import type { Allocatable } from "../downward-api/resources.ts"
import { defaultFileMode, selectFrom } from "../key-selection.ts"
import { unmountAndRemove } from "../mounts.ts"
import type { ObjectCache } from "../object-cache.ts"
import { ownershipOf } from "../ownership.ts"
import type { ObjectReference, SetUpResult, VolumePlugin } from "../plugin.ts"
import { serviceAccountOf, type TokenSource } from "./token.ts"

export interface ProjectedDeps {
  objects: Pick<ObjectCache, "get">
  tokens: Pick<TokenSource, "get">
  clock: Clock
  allocatable(): Allocatable
}

interface Collected {
  payload: Payload
  refreshAt?: number
  /** Paths of token files. */
  tokenPaths: readonly string[]
}

/** Several sources in one directory: tokens, ConfigMaps, Secrets, the downward API. */
export function newProjectedPlugin(deps: ProjectedDeps): VolumePlugin<corev1.ProjectedVolumeSource> {
  const projectObject = async (
    source: { configMap?: corev1.ConfigMapProjection; secret?: corev1.SecretProjection },
    context: { namespace: string; mode: number; signal: AbortSignal },
  ): Promise<Payload> => {
    const projection = source.configMap ?? source.secret
    const name = projection?.name ?? ""
    const resource = source.configMap ? "configmaps" : "secrets"
    const object = await deps.objects.get({ resource, namespace: context.namespace, name }, context.signal)
    return selectFrom(
      object,
      { kind: source.configMap ? "configmap" : "secret", name },
      { items: projection?.items, optional: projection?.optional, mode: context.mode },
    )
  }

  const projectToken = async (
    projection: corev1.ServiceAccountTokenProjection,
    context: { pod: corev1.Pod; mode: number; signal: AbortSignal },
  ): Promise<{ file: PayloadFile; refreshAt: number }> => {
    const { pod } = context
    const { metadata } = pod
    const { token, refreshAt } = await deps.tokens.get(
      {
        namespace: metadata.namespace ?? "",
        serviceAccount: serviceAccountOf(pod),
        pod: { name: metadata.name ?? "", uid: metadata.uid ?? "" },
        audience: projection.audience,
        expirationSeconds: projection.expirationSeconds,
      },
      context.signal,
    )
    const { user, group } = ownershipOf(pod)
    // With an owner of its own a token need not be readable by all.
    const mode = user !== undefined || group !== undefined ? 0o600 : context.mode
    return { file: { data: Buffer.from(token, "utf8"), mode }, refreshAt }
  }

  const collect = async (
    spec: corev1.ProjectedVolumeSource,
    context: { pod: corev1.Pod; signal: AbortSignal },
  ): Promise<Collected> => {
    const { pod, signal } = context
    const mode = spec.defaultMode ?? defaultFileMode
    const payload = new Map<string, PayloadFile>()
    const tokenPaths: string[] = []
    const errors: string[] = []
    let refreshAt: number | undefined
    for (const source of spec.sources ?? []) {
      try {
        if (source.configMap || source.secret) {
          const files = await projectObject(source, { namespace: pod.metadata.namespace ?? "", mode, signal })
          for (const [path, file] of files) payload.set(path, file)
        } else if (source.downwardAPI) {
          const files = downwardPayload(source.downwardAPI.items, { pod, mode, allocatable: deps.allocatable() })
          for (const [path, file] of files) payload.set(path, file)
        } else if (source.serviceAccountToken) {
          const token = await projectToken(source.serviceAccountToken, { pod, mode, signal })
          payload.set(source.serviceAccountToken.path, token.file)
          tokenPaths.push(source.serviceAccountToken.path)
          refreshAt = Math.min(refreshAt ?? Number.POSITIVE_INFINITY, token.refreshAt)
        } else if (source.clusterTrustBundle && !source.clusterTrustBundle.optional) {
          errors.push("ClusterTrustBundle projection is not supported by this node yet")
        } else if (source.podCertificate) {
          errors.push("PodCertificate projection is not supported by this node yet")
        }
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error))
      }
    }
    if (errors.length > 0) throw new Error(errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`)
    return { payload, tokenPaths, ...(refreshAt === undefined ? {} : { refreshAt }) }
  }

  return {
    name: "kubernetes.io/projected",
    spec: (volume) => volume.projected,
    followsPod: true,
    references: (spec, namespace) =>
      (spec.sources ?? []).flatMap((source): ObjectReference[] => {
        if (source.configMap) return [{ resource: "configmaps", namespace, name: source.configMap.name ?? "" }]
        if (source.secret) return [{ resource: "secrets", namespace, name: source.secret.name ?? "" }]
        return []
      }),
    async setUp({ pod, spec, directory }, signal): Promise<SetUpResult> {
      const { payload, tokenPaths, refreshAt } = await collect(spec, { pod, signal })
      const { user, group } = ownershipOf(pod)
      await writeApiVolume(deps.clock, {
        pod,
        directory,
        payload,
        inMemory: true,
        chown: async (version) => {
          if (user === undefined) return
          for (const path of tokenPaths) await chown(join(version, path), user, group ?? 0)
        },
      })
      return { hostPath: directory, ...(refreshAt === undefined ? {} : { refreshAt }) }
    },
    tearDown: unmountAndRemove,
  }
}
