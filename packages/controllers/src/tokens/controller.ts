import { type corev1, refs } from "@ladya/api"
import { isStatus, keyOf, keyText, type ObjectKey } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result } from "@ladya/client"
import type { ControllerContext, ControllerDefinition } from "../context.ts"

const tokenType = "kubernetes.io/service-account-token"
const nameKey = "kubernetes.io/service-account.name"
const uidKey = "kubernetes.io/service-account.uid"
const byAccount = "account"

/** Fills the Secrets in which someone asks for a token of a service account, and deletes them with the account. */
export const tokensController: ControllerDefinition = {
  name: "legacy-service-account-token",
  eventSource: "serviceaccount-token-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const accounts = informers.informer(refs.serviceaccounts)
    const secrets = informers.informer(refs.secrets, {
      indexers: {
        [byAccount]: (secret) =>
          secret.type === tokenType
            ? [
                keyText({
                  namespace: secret.metadata.namespace ?? "",
                  name: secret.metadata.annotations?.[nameKey] ?? "",
                }),
              ]
            : [],
      },
    })
    const controller = newController({
      name: "legacy-service-account-token",
      reconciler: new TokenReconciler(context, accounts, secrets),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [accounts, secrets],
    })
    const enqueue = (secret: corev1.Secret): void => {
      if (secret.type === tokenType) controller.enqueue(keyOf(secret))
    }
    secrets.addHandler({ add: enqueue, update: enqueue })
    const enqueueSecretsOf = (account: corev1.ServiceAccount): void => {
      for (const secret of secrets.byIndex(byAccount, keyText(keyOf(account)))) enqueue(secret)
    }
    accounts.addHandler({ add: enqueueSecretsOf, delete: enqueueSecretsOf })
    return controller
  },
}

class TokenReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #accounts: Informer<corev1.ServiceAccount>
  readonly #secrets: Informer<corev1.Secret>

  constructor(context: ControllerContext, accounts: Informer<corev1.ServiceAccount>, secrets: Informer<corev1.Secret>) {
    this.#context = context
    this.#accounts = accounts
    this.#secrets = secrets
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { client, config } = this.#context
    const secret = this.#secrets.get(key)
    const accountName = secret?.metadata.annotations?.[nameKey]
    if (!secret || secret.metadata.deletionTimestamp || !accountName) return done
    const account = await this.#account(key.namespace, accountName)
    const wantedUid = secret.metadata.annotations?.[uidKey]
    const api = client.resource(refs.secrets)
    if (!account || (wantedUid && wantedUid !== account.metadata.uid)) {
      const { uid = "", resourceVersion = "" } = secret.metadata
      await api
        .delete(key.name, { namespace: key.namespace, preconditions: { uid, resourceVersion } })
        .catch((error: unknown) => {
          if (!isStatus(error, "NotFound")) throw error
        })
      return done
    }
    const { signServiceAccountToken: sign } = config
    const isFilled =
      secret.data?.["token"] && secret.data["namespace"] && wantedUid && (secret.data["ca.crt"] || !config.rootCa)
    if (isFilled || !sign) return done
    const uid = account.metadata.uid ?? ""
    const encode = (text: string): string => Buffer.from(text).toString("base64")
    const token =
      secret.data?.["token"] ??
      encode(
        await sign({
          namespace: key.namespace,
          serviceAccountName: accountName,
          serviceAccountUid: uid,
          secretName: key.name,
          secretUid: secret.metadata.uid ?? "",
        }),
      )
    await api.update({
      ...secret,
      metadata: { ...secret.metadata, annotations: { ...secret.metadata.annotations, [uidKey]: uid } },
      data: {
        ...secret.data,
        token,
        namespace: encode(key.namespace),
        ...(config.rootCa ? { "ca.crt": encode(config.rootCa) } : {}),
      },
    })
    return done
  }

  /** An account that the cache does not show may be new: a Secret must not be deleted for that. */
  async #account(namespace: string, name: string): Promise<corev1.ServiceAccount | undefined> {
    const cached = this.#accounts.get(keyText({ namespace, name }))
    if (cached) return cached
    try {
      return await this.#context.client.resource(refs.serviceaccounts).get(name, { namespace })
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined
      throw error
    }
  }
}
