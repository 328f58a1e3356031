import { type corev1, refs } from "@ladya/api"
import { type Clock, type Random, sleep } from "@ladya/util"
import type { Lookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout, refusal } from "./refuse.ts"

type Pod = corev1.Pod

export const mirrorAnnotation = "kubernetes.io/config.mirror"
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
const volumePrefix = "kube-api-access"
const tokenSeconds = 3607
/** The default account of a new namespace comes a moment after it: so often and so long is waited. */
const defaultAccountTries = 10
const retryAfterMs = 100

/** The volume with all that a pod needs to speak to the API. */
function apiAccessVolume(name: string): corev1.Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { path: "token", expirationSeconds: tokenSeconds } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
    },
  }
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789"

/** Gives each pod its service account, the token that goes with it, and the account's pull secrets. */
export class ServiceAccount implements AdmissionPlugin {
  readonly name = "ServiceAccount"
  readonly #lookup: Lookup
  readonly #clock: Clock
  readonly #random: Random

  constructor(deps: { lookup: Lookup; clock: Clock; random: Random }) {
    this.#lookup = deps.lookup
    this.#clock = deps.clock
    this.#random = deps.random
  }

  handles(attributes: AdmissionAttributes): boolean {
    return attributes.operation === "CREATE" && isAbout(attributes, "", "pods")
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const pod = attributes.object as Pod
    if (!pod.spec) return
    if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) {
      checkMirror(attributes, pod.spec)
      return
    }
    const { spec } = pod
    spec.serviceAccountName ||= "default"
    spec.serviceAccount = spec.serviceAccountName
    const account = await this.#account(attributes, spec.serviceAccountName)
    const wantsToken = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true
    if (wantsToken) this.#mountToken(spec)
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
      spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({ ...secret }))
    }
  }

  async #account(attributes: AdmissionAttributes, name: string): Promise<corev1.ServiceAccount> {
    const { namespace } = attributes
    const tries = name === "default" ? defaultAccountTries : 1
    for (let i = 0; i < tries; i++) {
      if (i > 0) await sleep(this.#clock, retryAfterMs)
      const account = await this.#lookup.get(refs.serviceaccounts, namespace, name)
      if (account) return account
    }
    throw refusal(
      attributes,
      `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
    )
  }

  #mountToken(spec: corev1.PodSpec): void {
    const existing = spec.volumes?.find((volume) => volume.name.startsWith(`${volumePrefix}-`))
    const name = existing?.name ?? `${volumePrefix}-${this.#suffix()}`
    let isUsed = false
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
      if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue
      container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }]
      isUsed = true
    }
    if (isUsed && !existing) spec.volumes = [...(spec.volumes ?? []), apiAccessVolume(name)]
  }

  #suffix(): string {
    return Array.from({ length: 5 }, () => alphabet[Math.floor(this.#random() * alphabet.length)]).join("")
  }
}

/** A mirror pod stands for one that a node runs by itself: it can use nothing of the API. */
function checkMirror(attributes: AdmissionAttributes, spec: corev1.PodSpec): void {
  if (spec.serviceAccountName) throw refusal(attributes, "a mirror pod may not reference service accounts")
  const usesToken = spec.volumes?.some((volume) =>
    volume.projected?.sources?.some((source) => source.serviceAccountToken),
  )
  if (usesToken) throw refusal(attributes, "a mirror pod may not use ServiceAccountToken volume projections")
}
