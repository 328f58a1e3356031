import { type corev1, refs } from "@ladya/api"
import { isStatus, keyOf, keyText } from "@ladya/apimachinery"
import { done, newController } from "@ladya/client"
import type { ControllerDefinition } from "../context.ts"
import { isNamespaceTerminating } from "../shared/pod-control.ts"

const accountName = "default"

/** Sees to it that every namespace has the service account `default`. */
export const serviceAccountController: ControllerDefinition = {
  name: "service-account",
  account: "service-account-controller",
  eventSource: "serviceaccount-controller",
  create: ({ client, informers, clock, log, metrics, config }) => {
    const namespaces = informers.informer(refs.namespaces)
    const accounts = informers.informer(refs.serviceaccounts)
    const controller = newController({
      name: "service-account",
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [namespaces, accounts],
      reconciler: {
        reconcile: async ({ name: namespace }) => {
          const current = namespaces.get(namespace)
          if (!current || current.status?.phase === "Terminating" || current.metadata.deletionTimestamp) return done
          if (accounts.get(keyText({ namespace, name: accountName }))) return done
          const account: corev1.ServiceAccount = {
            apiVersion: "v1",
            kind: "ServiceAccount",
            metadata: { namespace, name: accountName },
          }
          await client
            .resource(refs.serviceaccounts)
            .create(account)
            .catch((error: unknown) => {
              if (!isStatus(error, "AlreadyExists") && !isNamespaceTerminating(error)) throw error
            })
          return done
        },
      },
    })
    const enqueue = (namespace: corev1.Namespace): void => controller.enqueue(keyOf(namespace))
    namespaces.addHandler({ add: enqueue, update: enqueue })
    accounts.addHandler({
      delete: (account) => {
        if (account.metadata.name === accountName) controller.enqueue(account.metadata.namespace ?? "")
      },
    })
    return controller
  },
}
