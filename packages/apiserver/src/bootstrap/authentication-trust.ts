import { type corev1, refs } from "@ladya/api"
import { semanticEqual } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { extraHeaderPrefix, groupHeader, uidHeader, userHeader } from "../aggregation/front-proxy-headers.ts"
import { ensure } from "./ensure.ts"

/** The common names of client certificates with which this server passes requests on. */
export const frontProxyNames = ["front-proxy-client"]

export interface AuthenticationTrust {
  /** PEM of what signs users' certificates. */
  clientCa: string
  /** PEM of what signs front proxies' certificates. */
  frontProxyCa: string
}

/** The ConfigMap from which servers behind APIServices learn whom to believe. What others added to it stays. */
export async function ensureAuthenticationTrust(client: Client, trust: AuthenticationTrust): Promise<void> {
  const data: Record<string, string> = {
    "client-ca-file": trust.clientCa,
    "requestheader-allowed-names": JSON.stringify(frontProxyNames),
    "requestheader-client-ca-file": trust.frontProxyCa,
    "requestheader-extra-headers-prefix": JSON.stringify([extraHeaderPrefix]),
    "requestheader-group-headers": JSON.stringify([groupHeader]),
    "requestheader-uid-headers": JSON.stringify([uidHeader]),
    "requestheader-username-headers": JSON.stringify([userHeader]),
  }
  const wanted: corev1.ConfigMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "kube-system", name: "extension-apiserver-authentication" },
    data,
  }
  await ensure(client, refs.configmaps, wanted, (draft) => {
    const next = { ...draft.data, ...data }
    if (semanticEqual(draft.data, next)) return false
    draft.data = next
    return true
  })
}
