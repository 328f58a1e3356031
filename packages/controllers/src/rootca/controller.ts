import { type corev1, refs } from "@ladya/api"
import { isStatus, keyOf, keyText, semanticEqual } from "@ladya/apimachinery"
import { done, newController } from "@ladya/client"
import type { ControllerDefinition } from "../context.ts"
import { isNamespaceTerminating } from "../shared/pod-control.ts"

const configMapName = "kube-root-ca.crt"
const annotations = { "kubernetes.io/description": "The CA that the API server's certificate is verified with." }

/** Puts the CA of the API server into every namespace, for pods to verify it with. */
export const rootCaController: ControllerDefinition = {
  name: "root-ca-cert-publisher",
  account: "root-ca-cert-publisher",
  eventSource: "root-ca-certificate-publisher",
  create: ({ client, informers, clock, log, metrics, config }) => {
    const namespaces = informers.informer(refs.namespaces)
    const configMaps = informers.informer(refs.configmaps)
    const data = { "ca.crt": config.rootCa }
    const controller = newController({
      name: "root-ca-cert-publisher",
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [namespaces, configMaps],
      reconciler: {
        reconcile: async ({ name: namespace }) => {
          const current = namespaces.get(namespace)
          if (!config.rootCa || !current) return done
          if (current.status?.phase === "Terminating" || current.metadata.deletionTimestamp) return done
          const api = client.resource(refs.configmaps)
          const present = configMaps.get(keyText({ namespace, name: configMapName }))
          if (!present) {
            const configMap: corev1.ConfigMap = {
              apiVersion: "v1",
              kind: "ConfigMap",
              metadata: { namespace, name: configMapName, annotations },
              data,
            }
            await api.create(configMap).catch((error: unknown) => {
              if (!isStatus(error, "AlreadyExists") && !isNamespaceTerminating(error)) throw error
            })
          } else if (!semanticEqual(present.data, data)) {
            await api.update({ ...present, data })
          }
          return done
        },
      },
    })
    const enqueue = (namespace: corev1.Namespace): void => controller.enqueue(keyOf(namespace))
    namespaces.addHandler({ add: enqueue, update: enqueue })
    const enqueueNamespace = (configMap: corev1.ConfigMap): void => {
      if (configMap.metadata.name === configMapName) controller.enqueue(configMap.metadata.namespace ?? "")
    }
    configMaps.addHandler({ update: enqueueNamespace, delete: enqueueNamespace })
    return controller
  },
}
