import { type corev1, kindByGvk, kinds, refs } from "@ladya/api"
import { isStatus, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { type Clock, errorMessage, type Random } from "@ladya/util"
import type { HollowNodes } from "./hollow-nodes.ts"
import type { Action } from "./scenario.ts"

export interface ActionDeps {
  client: Client
  clock: Clock
  random: Random
  nodes: HollowNodes
  /** One line of the timeline. */
  tell(text: string): void
}

const retryEvictionMs = 5000

const refOf = (kind: (typeof kinds)[number]): ResourceRef<KubeObject> =>
  ({
    group: kind.group,
    version: kind.version,
    resource: kind.resource,
    kind: kind.kind,
    namespaced: kind.namespaced,
  }) as ResourceRef<KubeObject>

function refOfObject(object: KubeObject): ResourceRef<KubeObject> {
  const [group, version] = object.apiVersion.includes("/") ? object.apiVersion.split("/") : ["", object.apiVersion]
  const kind = kindByGvk({ group: group ?? "", version: version ?? "", kind: object.kind })
  if (!kind) throw new Error(`no matches for kind "${object.kind}" in version "${object.apiVersion}"`)
  return refOf(kind)
}

function refOfTarget(target: string): { ref: ResourceRef<KubeObject>; name: string } {
  const [word = "", name = ""] = target.split("/")
  const kind = kinds.find(({ resource, singular, shortNames }) => [resource, singular, ...shortNames].includes(word))
  if (!kind) throw new Error(`the server doesn't have a resource type "${word}"`)
  return { ref: refOf(kind), name }
}

/** Creates an object, or replaces what its fields say. */
export async function applyObject(client: Client, object: KubeObject): Promise<void> {
  const ref = refOfObject(object)
  const namespace = ref.namespaced ? (object.metadata.namespace ?? "default") : ""
  const full = { ...object, metadata: { ...object.metadata, ...(namespace ? { namespace } : {}) } }
  try {
    await client.resource(ref).create(full)
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error
    await client.resource(ref).patch(object.metadata.name ?? "", "merge", object, namespace ? { namespace } : {})
  }
}

/** Does one thing to the cluster. What the API refuses is told, and is no failure of the simulation. */
export async function act(deps: ActionDeps, action: Action): Promise<void> {
  try {
    await perform(deps, action)
  } catch (error) {
    deps.tell(`${action.kind} was refused: ${errorMessage(error)}`)
  }
}

async function perform(deps: ActionDeps, action: Action): Promise<void> {
  const { client, tell } = deps
  switch (action.kind) {
    case "apply":
      tell(`apply ${action.object.kind} ${action.object.metadata.name}`)
      return applyObject(client, action.object)
    case "delete": {
      const { ref, name } = refOfTarget(action.target)
      tell(`delete ${action.target}`)
      return client.resource(ref).delete(name, ref.namespaced ? { namespace: action.namespace } : {})
    }
    case "scale": {
      const { ref, name } = refOfTarget(action.target)
      tell(`scale ${action.target} to ${action.replicas}`)
      const spec = { replicas: action.replicas }
      await client.resource(ref).patch(name, "merge", { spec }, { namespace: action.namespace })
      return
    }
    case "setImage":
      tell(`set image of ${action.target} to ${action.image}`)
      return setImage(client, action)
    case "nodeDown":
      return nodeDown(deps, action)
    case "drain":
      return drain(deps, action)
  }
}

async function setImage(client: Client, action: Extract<Action, { kind: "setImage" }>): Promise<void> {
  const { ref, name } = refOfTarget(action.target)
  const { namespace } = action
  const object = (await client.resource(ref).get(name, { namespace })) as KubeObject & {
    spec?: { template?: corev1.PodTemplateSpec }
  }
  const containers = (object.spec?.template?.spec?.containers ?? []).map((one) => ({ ...one, image: action.image }))
  await client.resource(ref).patch(name, "merge", { spec: { template: { spec: { containers } } } }, { namespace })
}

function pick({ random, nodes }: ActionDeps, wanted: string): string | undefined {
  if (wanted !== "random") return nodes.isUp(wanted) ? wanted : undefined
  const up = nodes.up
  return up[Math.floor(random() * up.length)]
}

async function nodeDown(deps: ActionDeps, { node, forMs }: { node: string; forMs: number }): Promise<void> {
  const name = pick(deps, node)
  if (!name) return
  deps.tell(`node ${name} goes down`)
  deps.nodes.switchOff(name)
  if (forMs === 0) return
  deps.clock.setTimeout(() => {
    deps.tell(`node ${name} is back`)
    deps.nodes.switchOn(name)
  }, forMs)
}

async function drain(deps: ActionDeps, { node, forMs }: { node: string; forMs: number }): Promise<void> {
  const { client, clock, tell } = deps
  const name = pick(deps, node)
  if (!name) return
  tell(`drain ${name}`)
  await client.resource(refs.nodes).patch(name, "merge", { spec: { unschedulable: true } })
  let isOver = false
  const round = async (): Promise<void> => {
    const { items } = await client.resource(refs.pods).list({ fieldSelector: `spec.nodeName=${name}` })
    const left = items.filter(({ metadata }) => {
      const isDaemon = metadata.ownerReferences?.some(({ kind }) => kind === "DaemonSet")
      return !isDaemon && !metadata.deletionTimestamp
    })
    for (const { metadata } of left) await evict(client, metadata.namespace ?? "", metadata.name ?? "")
    if (left.length > 0 && !isOver) clock.setTimeout(() => void round().catch(refused), retryEvictionMs)
  }
  const refused = (error: unknown): void => tell(`drain of ${name} was refused: ${errorMessage(error)}`)
  await round()
  if (forMs === 0) return
  clock.setTimeout(() => {
    isOver = true
    tell(`uncordon ${name}`)
    client
      .resource(refs.nodes)
      .patch(name, "merge", { spec: { unschedulable: false } })
      .catch(refused)
  }, forMs)
}

/** 429 means that a budget does not allow it now: the drain asks again. */
async function evict(client: Client, namespace: string, name: string): Promise<void> {
  try {
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } }
    await client.resource(refs.pods).createSubresource(name, "eviction", eviction, { namespace })
  } catch (error) {
    if (!isStatus(error, "TooManyRequests") && !isStatus(error, "NotFound")) throw error
  }
}
