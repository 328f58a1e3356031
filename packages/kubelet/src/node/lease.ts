import { type coordinationv1, refs } from "@ladya/api"
import { formatMicroTime, isStatus } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { type Clock, type Logger, sleep } from "@ladya/util"

/** How long the control plane waits for the next sign of life. */
const leaseSeconds = 40
/** A quarter of that. */
const renewMs = 10_000
const retryMs = 1000

const namespace = "kube-node-lease"

export interface LeaseDeps {
  client: Client
  clock: Clock
  log: Logger
  nodeName: string
  /** The Node's uid once it is registered: the Lease goes with it. */
  nodeUid(): string | undefined
}

/** Keeps the node's Lease fresh until the signal aborts. A failure is tried again after a second. */
export async function runLease(deps: LeaseDeps, signal: AbortSignal): Promise<void> {
  const leases = deps.client.resource(refs.leases)
  let lease: coordinationv1.Lease | undefined

  const plan = (previous: coordinationv1.Lease | undefined): coordinationv1.Lease => {
    const uid = deps.nodeUid()
    const owner = { apiVersion: "v1", kind: "Node", name: deps.nodeName, uid: uid ?? "" }
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: {
        ...previous?.metadata,
        name: deps.nodeName,
        namespace,
        ...(uid ? { ownerReferences: [owner] } : {}),
      },
      spec: {
        ...previous?.spec,
        holderIdentity: deps.nodeName,
        leaseDurationSeconds: leaseSeconds,
        renewTime: formatMicroTime(deps.clock.now()),
      },
    }
  }

  /** Updates the version last seen, which saves a read; reads it, or makes it, when that fails. */
  const renew = async (): Promise<void> => {
    if (lease) {
      try {
        lease = await leases.update(plan(lease))
        return
      } catch (error) {
        if (!isStatus(error, "Conflict", "NotFound")) throw error
      }
    }
    lease = await leases.get(deps.nodeName, { namespace }).catch((error: unknown) => {
      if (isStatus(error, "NotFound")) return undefined
      throw error
    })
    lease = lease ? await leases.update(plan(lease)) : await leases.create(plan(undefined))
  }

  while (!signal.aborted) {
    let delayMs = renewMs
    try {
      await renew()
    } catch (error) {
      if (signal.aborted) return
      delayMs = retryMs
      deps.log.warn("cannot renew the node's lease, will try again", { error })
    }
    await sleep(deps.clock, delayMs, signal).catch(() => undefined)
  }
}
