import type { corev1 } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import { type Fields, fieldsOf, ScenarioError } from "./fields.ts"
import { parseDocuments } from "./yaml.ts"

/** Machines that are alike: `prefix-0`, `prefix-1` … Zones are given in turn. */
export interface NodeGroup {
  readonly count: number
  readonly prefix: string
  readonly capacity: Readonly<Record<string, string>>
  readonly zones: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly taints: readonly corev1.Taint[]
}

/** How pods behave. Times are in milliseconds, drawn between both ends for each pod. */
export interface PodBehaviour {
  /** From being bound to being ready. */
  readonly startup: readonly [number, number]
  /** From being told to end to having ended; never longer than the grace period. */
  readonly shutdown: readonly [number, number]
  /** How often a pod crashes, at random; never when 0. */
  readonly crashEvery: number
  /** How long the pods of Jobs run. */
  readonly run: readonly [number, number]
  /** The share of the pods of Jobs that fail, from 0 to 1. */
  readonly failing: number
}

/** `random` takes one of the nodes that are up. */
export type Action =
  | { readonly kind: "apply"; readonly object: KubeObject }
  | { readonly kind: "delete"; readonly target: string; readonly namespace: string }
  | { readonly kind: "scale"; readonly target: string; readonly namespace: string; readonly replicas: number }
  | { readonly kind: "setImage"; readonly target: string; readonly namespace: string; readonly image: string }
  | { readonly kind: "nodeDown"; readonly node: string; readonly forMs: number }
  | { readonly kind: "drain"; readonly node: string; readonly forMs: number }

/** Happens at one time, or again and again until the end of the scenario. */
export interface Step {
  readonly atMs: number
  readonly everyMs: number | undefined
  readonly untilMs: number
  readonly action: Action
}

/** What is simulated. With the same seed it comes out the same. */
export interface Scenario {
  readonly name: string
  readonly seed: number
  readonly durationMs: number
  /** After the last step, for everything to come to rest. */
  readonly settleMs: number
  readonly nodes: readonly NodeGroup[]
  readonly pods: PodBehaviour
  readonly objects: readonly KubeObject[]
  readonly steps: readonly Step[]
}

/** Reads a scenario. Throws ScenarioError naming every wrong field. */
export function parseScenario(text: string): Scenario {
  const root = fieldsOf(parseDocuments(text), "")
  const durationMs = root.duration("duration", 30 * 60_000)
  const scenario: Scenario = {
    name: root.text("name", "scenario"),
    seed: root.count("seed", 1),
    durationMs,
    settleMs: root.duration("settle", 10 * 60_000),
    nodes: root.list("nodes").map(nodeGroup),
    pods: podBehaviour(root.child("pods")),
    objects: root.list("objects").map((item) => item.object()),
    steps: root.list("steps").map((item) => step(item, durationMs)),
  }
  if (scenario.nodes.length === 0) root.wrong("nodes", "give at least one group of nodes")
  root.unknown(["name", "seed", "duration", "settle", "nodes", "pods", "objects", "steps"])
  if (root.errors.length > 0) throw new ScenarioError(root.errors)
  return scenario
}

function nodeGroup(fields: Fields): NodeGroup {
  fields.unknown(["count", "prefix", "capacity", "zones", "labels", "taints"])
  return {
    count: fields.count("count", 1),
    prefix: fields.text("prefix", "node"),
    capacity: { cpu: "4", memory: "8Gi", pods: "110", ...fields.texts("capacity") },
    zones: fields.strings("zones"),
    labels: fields.texts("labels"),
    taints: fields.list("taints").map((item) => item.value as corev1.Taint),
  }
}

function podBehaviour(fields: Fields): PodBehaviour {
  fields.unknown(["startup", "shutdown", "crashEvery", "run", "failing"])
  return {
    startup: fields.range("startup", [1000, 5000]),
    shutdown: fields.range("shutdown", [0, 2000]),
    crashEvery: fields.duration("crashEvery", 0),
    run: fields.range("run", [5000, 30_000]),
    failing: fields.share("failing", 0),
  }
}

const actions = ["apply", "delete", "scale", "setImage", "nodeDown", "drain"] as const

function step(fields: Fields, durationMs: number): Step {
  fields.unknown(["at", "every", "until", ...actions])
  const [kind, ...more] = actions.filter((name) => fields.has(name))
  if (!kind || more.length > 0) fields.wrong("", `say one of ${actions.join(", ")}`)
  const everyMs = fields.has("every") ? fields.duration("every", 60_000) : undefined
  return {
    atMs: fields.duration("at", everyMs ?? 0),
    everyMs,
    untilMs: fields.duration("until", durationMs),
    action: kind ? action(fields, kind) : { kind: "delete", target: "", namespace: "" },
  }
}

function action(fields: Fields, kind: (typeof actions)[number]): Action {
  if (kind === "apply") return { kind, object: fields.child(kind).object() }
  const inner = fields.child(kind)
  switch (kind) {
    case "nodeDown":
    case "drain":
      inner.unknown(["node", "for"])
      return { kind, node: inner.text("node", "random"), forMs: inner.duration("for", 0) }
    case "scale":
      inner.unknown(["target", "namespace", "replicas"])
      return { kind, ...target(inner), replicas: inner.count("replicas", 1) }
    case "setImage":
      inner.unknown(["target", "namespace", "image"])
      return { kind, ...target(inner), image: inner.needed("image") }
    case "delete":
      inner.unknown(["target", "namespace"])
      return { kind, ...target(inner) }
  }
}

function target(fields: Fields): { target: string; namespace: string } {
  const text = fields.needed("target")
  if (text && !/^[a-z]+\/[a-z0-9.-]+$/.test(text)) fields.wrong("target", "is to be KIND/NAME, as in deployment/web")
  return { target: text, namespace: fields.text("namespace", "default") }
}
