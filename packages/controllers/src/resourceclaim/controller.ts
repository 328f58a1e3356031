import { type corev1, isPodTerminal, refs, type resourcev1 } from "@ladya/api"
import { isStatus, keyOf, type ObjectKey } from "@ladya/apimachinery"
import { done, newController, type ResourceClient, type Result } from "@ladya/client"
import { ComponentGroup, errorMessage } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { podInformer } from "../shared/indexes.ts"
import { claimFinalizer, claimsToMake, planClaim, podClaimAnnotation } from "./plan.ts"

type Claim = resourcev1.ResourceClaim

/** Makes the device claims of pods from templates, and frees what nobody uses any more (KEP-4381). */
export const resourceClaimController: ControllerDefinition = {
  name: "resourceclaim",
  account: "resource-claim-controller",
  eventSource: "resource_claim",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const pods = podInformer(informers)
    const claims = informers.informer(refs.resourceclaims)
    const templates = informers.informer(refs.resourceclaimtemplates)
    const shared = { workers: config.workers, clock, log, metrics, waitFor: [pods, claims, templates] }
    const maker = newController({
      name: "resourceclaim-pods",
      reconciler: { reconcile: (key) => makeClaims(context, key) },
      ...shared,
    })
    const freer = newController({
      name: "resourceclaim-claims",
      reconciler: { reconcile: (key) => freeClaim(context, key) },
      ...shared,
    })
    const onPod = (pod: corev1.Pod): void => {
      if (!pod.spec?.resourceClaims?.length) return
      if (!isPodTerminal(pod) && !pod.metadata.deletionTimestamp) maker.enqueue(keyOf(pod))
      const namespace = pod.metadata.namespace ?? ""
      for (const { resourceClaimName } of pod.spec.resourceClaims) {
        if (resourceClaimName) freer.enqueue({ namespace, name: resourceClaimName })
      }
      for (const { resourceClaimName } of pod.status?.resourceClaimStatuses ?? []) {
        if (resourceClaimName) freer.enqueue({ namespace, name: resourceClaimName })
      }
    }
    pods.addHandler({ add: onPod, update: onPod, delete: onPod })
    claims.addHandler({ add: (claim) => freer.enqueue(keyOf(claim)), update: (claim) => freer.enqueue(keyOf(claim)) })
    const waiting = (namespace: string | undefined): void => {
      for (const pod of pods.inNamespace(namespace ?? "")) if (claimsToMake(pod).length > 0) maker.enqueue(keyOf(pod))
    }
    templates.addHandler({ add: ({ metadata }) => waiting(metadata.namespace) })
    return new ComponentGroup("resourceclaim", [maker, freer], log)
  },
}

async function makeClaims(context: ControllerContext, key: ObjectKey): Promise<Result> {
  const { client, informers, recorder } = context
  const pod = podInformer(informers).get(key)
  if (!pod || isPodTerminal(pod) || pod.metadata.deletionTimestamp) return done
  const wanted = claimsToMake(pod)
  if (wanted.length === 0) return done
  const statuses = [...(pod.status?.resourceClaimStatuses ?? [])]
  for (const { name, template } of wanted) {
    try {
      statuses.push({ name, resourceClaimName: await ensureClaim(context, pod, name, template) })
    } catch (error) {
      recorder.event(pod, "Warning", "FailedResourceClaimCreation", `PodResourceClaim ${name}: ${errorMessage(error)}`)
      throw error
    }
  }
  const { name = "", namespace = "", uid } = pod.metadata
  const patch = { metadata: { uid }, status: { resourceClaimStatuses: statuses } }
  await client.resource(refs.pods).patch(name, "strategic", patch, { namespace, subresource: "status" })
  return done
}

/** The name of the pod's claim, made anew when it is not there. */
async function ensureClaim(
  { client, informers }: ControllerContext,
  pod: corev1.Pod,
  name: string,
  templateName: string,
): Promise<string> {
  const { namespace = "", uid = "" } = pod.metadata
  const known = informers
    .informer(refs.resourceclaims)
    .inNamespace(namespace)
    .find(
      ({ metadata }) =>
        metadata.annotations?.[podClaimAnnotation] === name &&
        metadata.ownerReferences?.some((owner) => owner.uid === uid),
    )
  if (known) return known.metadata.name ?? ""
  const template = informers.informer(refs.resourceclaimtemplates).get({ namespace, name: templateName })
  if (!template) throw new Error(`resource claim template "${templateName}": not found`)
  const { metadata, spec } = template.spec
  const made = await client.resource(refs.resourceclaims).create({
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: {
      generateName: `${pod.metadata.name}-${name}-`,
      namespace,
      labels: { ...metadata?.labels },
      annotations: { ...metadata?.annotations, [podClaimAnnotation]: name },
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "Pod",
          name: pod.metadata.name ?? "",
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec,
  })
  return made.metadata.name ?? ""
}

async function freeClaim({ client, informers }: ControllerContext, key: ObjectKey): Promise<Result> {
  const claim = informers.informer(refs.resourceclaims).get(key)
  if (!claim) return done
  const namespace = claim.metadata.namespace ?? ""
  const pods = podInformer(informers)
  const podsApi = client.resource(refs.pods)
  const gone = new Map<string, corev1.Pod | undefined>()
  // A pod that the cache does not have is asked for: freeing devices that are in use would be worse than waiting.
  const consumers = [...(claim.status?.reservedFor ?? []), ...(claim.metadata.ownerReferences ?? [])]
  for (const { name, uid } of consumers) {
    const cached = pods.get({ namespace, name })
    const pod =
      cached?.metadata.uid === uid
        ? cached
        : await podsApi.get(name, { namespace }).catch((error: unknown) => {
            if (isStatus(error, "NotFound")) return undefined
            throw error
          })
    gone.set(uid, pod?.metadata.uid === uid ? pod : undefined)
  }
  const plan = planClaim(claim, ({ uid }) => gone.get(uid))
  await carryOut(client.resource(refs.resourceclaims), claim, plan)
  return done
}

async function carryOut(api: ResourceClient<Claim>, claim: Claim, plan: ReturnType<typeof planClaim>): Promise<void> {
  const { namespace = "", name = "", uid = "" } = claim.metadata
  try {
    let current = claim
    if (plan.reservedFor || plan.deallocate) {
      const { reservedFor: _, allocation, ...rest } = claim.status ?? {}
      const left = plan.reservedFor ?? claim.status?.reservedFor ?? []
      const status = {
        ...rest,
        ...(left.length > 0 ? { reservedFor: [...left] } : {}),
        ...(allocation && !plan.deallocate ? { allocation } : {}),
      }
      current = await api.updateStatus({ ...claim, status })
    }
    if (plan.dropFinalizer) {
      const finalizers = (current.metadata.finalizers ?? []).filter((one) => one !== claimFinalizer)
      await api.update({ ...current, metadata: { ...current.metadata, finalizers } })
    }
    if (plan.delete) await api.delete(name, { namespace, preconditions: { uid } })
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error
  }
}
