import { type corev1, refs, type schedulingv1 } from "@ladya/api"
import { formatTime, StatusError } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { type Clock, type Component, errorMessage, type Logger, sleep, type Timer } from "@ladya/util"
import { type AuthenticationTrust, ensureAuthenticationTrust } from "./authentication-trust.ts"
import { ensure } from "./ensure.ts"
import { ensureClusterPolicy, ensureNamespacePolicy } from "./ensure-policy.ts"
import type { ServerAddresses } from "./server-addresses.ts"
import { ensureDnsService, ensureKubernetesService, ensureServiceCidr, type ServiceAddresses } from "./services.ts"

export interface BootstrapDeps {
  /** Acts as the server itself. */
  client: Client
  clock: Clock
  log: Logger
  /** Undefined: the Services are left to others. */
  services?: ServiceAddresses
  /** Given when others have the same store. */
  servers?: ServerAddresses
  /** What servers behind APIServices learn of this one. */
  trust: AuthenticationTrust
}

const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"]
const retryMs = 1000
/** Somebody may delete what must be there: it is looked for every so often. */
const repeatMs = 10_000

const priorityClasses: readonly { name: string; value: number; description: string }[] = [
  {
    name: "system-node-critical",
    value: 2_000_001_000,
    description: "For pods without which their node does not work.",
  },
  {
    name: "system-cluster-critical",
    value: 2_000_000_000,
    description: "For pods without which the cluster does not work.",
  },
]

async function ensureNamespaces(client: Client): Promise<void> {
  await Promise.all(
    namespaces.map((name) => {
      const namespace: corev1.Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } }
      return ensure(client, refs.namespaces, namespace)
    }),
  )
}

async function ensurePriorityClasses(client: Client): Promise<void> {
  await Promise.all(
    priorityClasses.map(({ name, value, description }) => {
      const priorityClass: schedulingv1.PriorityClass = {
        apiVersion: "scheduling.k8s.io/v1",
        kind: "PriorityClass",
        metadata: { name },
        value,
        description,
        globalDefault: false,
        preemptionPolicy: "PreemptLowerPriority",
      }
      return ensure(client, refs.priorityclasses, priorityClass)
    }),
  )
}

/** Whether a webhook or a policy of the users' own is in the way. */
function isRefusedByAdmission(error: unknown): boolean {
  return error instanceof StatusError && /failed calling webhook|denied (the )?request/.test(error.message)
}

/**
 * Makes the objects that every cluster begins with, when they are missing, and keeps the system's namespaces and
 * Services there. Ready when all are there.
 */
export function newBootstrap(deps: BootstrapDeps): Component {
  const { client, clock, log, services, servers, trust } = deps
  const stopping = new AbortController()
  let timer: Timer | undefined
  let isComplete = false

  const ensureServices = async (): Promise<void> => {
    if (!services) return
    await servers?.renew()
    const { serviceCidr } = services
    await Promise.all([
      ensureKubernetesService(client, services, await servers?.all()),
      ensureDnsService(client, services),
      serviceCidr && ensureServiceCidr(client, serviceCidr, formatTime(clock.now())),
    ])
  }
  const keep = async (): Promise<void> => {
    if (!isComplete) {
      await all()
      isComplete = true
      return
    }
    await ensureNamespaces(client)
    await Promise.all([ensureServices(), ensureAuthenticationTrust(client, trust)])
  }
  const all = async (): Promise<void> => {
    await Promise.all([
      ensureNamespaces(client).then(() =>
        Promise.all([ensureServices(), ensureNamespacePolicy(client), ensureAuthenticationTrust(client, trust)]),
      ),
      ensureClusterPolicy(client),
      ensurePriorityClasses(client),
    ])
  }
  const scheduleNext = (): void => {
    timer = clock.setTimeout(
      () => {
        keep()
          .catch((error) => log.warn("could not look after the system's objects", { error: errorMessage(error) }))
          .finally(() => {
            if (!stopping.signal.aborted) scheduleNext()
          })
      },
      repeatMs,
      { unref: true },
    )
  }

  return {
    name: "bootstrap",
    async start() {
      for (;;) {
        try {
          await all()
          isComplete = true
          break
        } catch (error) {
          if (isRefusedByAdmission(error)) {
            // Who refuses may itself wait for this server: what is missing is made once it consents.
            log.error("not all objects that a cluster begins with could be made", { error: errorMessage(error) })
            break
          }
          log.error("could not make the objects that a cluster begins with; trying again", { error })
          await sleep(clock, retryMs, stopping.signal)
        }
      }
      scheduleNext()
    },
    async stop() {
      stopping.abort()
      timer?.cancel()
      await servers?.leave().catch((error: unknown) => {
        log.debug("the others are not told that this server goes", { error: errorMessage(error) })
      })
    },
  }
}
