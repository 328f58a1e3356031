import { refs } from "@ladya/api"
import { newInformerFactory } from "@ladya/client"
import { FakeClock, type Logger, newRandom, silentLogger } from "@ladya/util"
import { act, applyObject } from "./actions.ts"
import { newControlPlane, Trace } from "./control-plane.ts"
import { HollowNodes } from "./hollow-nodes.ts"
import { newInvariants } from "./invariants/index.ts"
import type { Invariant, PodChange, World } from "./invariants/invariant.ts"
import { hollowNodeObjects } from "./node-objects.ts"
import type { Action, Scenario } from "./scenario.ts"

export interface Moment {
  /** Milliseconds since the start of the scenario. */
  readonly atMs: number
  readonly text: string
}

/** What came out. Equal seeds give equal results, field by field. */
export interface SimulationResult {
  readonly scenario: string
  readonly seed: number
  readonly simulatedMs: number
  readonly timeline: readonly Moment[]
  readonly invariants: readonly {
    readonly name: string
    readonly checks: number
    readonly violations: readonly Moment[]
  }[]
  readonly workloads: readonly { readonly name: string; readonly ready: number; readonly wanted: number }[]
  readonly pods: Readonly<Record<string, number>>
  readonly writes: Readonly<Record<string, number>>
  /** Of everything that was written, and when. */
  readonly fingerprint: string
}

export interface SimulateOptions {
  /** Instead of the scenario's own. */
  seed?: number
  log?: Logger
}

const startMs = Date.UTC(2030, 0, 1)
const stepMs = 1000

/** Runs a scenario on a virtual clock to its end. */
export async function simulate(scenario: Scenario, options: SimulateOptions = {}): Promise<SimulationResult> {
  const seed = options.seed ?? scenario.seed
  const log = options.log ?? silentLogger
  const clock = new FakeClock(startMs)
  const trace = new Trace(clock)
  const timeline: Moment[] = []
  const tell = (text: string): void => {
    timeline.push({ atMs: clock.monotonic() - begin, text })
  }
  let begin = 0
  const { component, client } = newControlPlane({ clock, log, seed, trace })
  // Starting waits on timers here and there: time has to pass meanwhile.
  await passing(clock, component.start())
  const informers = newInformerFactory({ client, clock, log, random: newRandom(seed) })
  const world: World = {
    clock,
    pods: informers.informer(refs.pods),
    nodes: informers.informer(refs.nodes),
    deployments: informers.informer(refs.deployments),
    replicaSets: informers.informer(refs.replicasets),
    statefulSets: informers.informer(refs.statefulsets),
    jobs: informers.informer(refs.jobs),
    budgets: informers.informer(refs.poddisruptionbudgets),
    quotas: informers.informer(refs.resourcequotas),
  }
  const watched = new Watched(newInvariants(), world, tell, () => clock.monotonic() - begin)
  const nodes = new HollowNodes({
    ...{ client, clock, log, behaviour: scenario.pods },
    random: newRandom(seed + 1),
    pods: world.pods,
    nodes: world.nodes,
    observer: {
      started: (key, uid, node) => watched.started(key, uid, node),
      stopped: (key, uid) => watched.stopped(key, uid),
    },
  })
  try {
    await passing(clock, informers.start())
    await nodes.start()
    begin = clock.monotonic()
    for (const object of hollowNodeObjects(scenario.nodes)) await passing(clock, nodes.add(object))
    tell(`${nodes.up.length} nodes`)
    for (const object of scenario.objects) {
      tell(`apply ${object.kind} ${object.metadata.name}`)
      await passing(clock, applyObject(client, object))
    }
    const actionDeps = { client, clock, nodes, tell, random: newRandom(seed + 2) }
    schedule(scenario, clock, (action) => void act(actionDeps, action))
    await runUntil(clock, begin + scenario.durationMs)
    nodes.calm()
    tell("nothing is done to it any more")
    await runUntil(clock, begin + scenario.durationMs + scenario.settleMs)
    watched.end()
    return {
      scenario: scenario.name,
      seed,
      simulatedMs: clock.monotonic() - begin,
      timeline,
      invariants: watched.results(),
      workloads: workloads(world),
      pods: podsByPhase(world),
      writes: Object.fromEntries([...trace.writes].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      fingerprint: trace.fingerprint,
    }
  } finally {
    const now = AbortSignal.abort()
    await nodes.stop()
    await informers.stop(now)
    await passing(clock, component.stop(now))
  }
}

/** Lets virtual time pass until the work is done. */
async function passing<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let isDone = false
  const done = work.finally(() => {
    isDone = true
  })
  done.catch(() => undefined)
  while (!isDone) await clock.advance(10)
  return done
}

async function runUntil(clock: FakeClock, end: number): Promise<void> {
  while (clock.monotonic() < end) await clock.advance(Math.min(stepMs, end - clock.monotonic()))
}

function schedule(scenario: Scenario, clock: FakeClock, run: (action: Action) => void): void {
  for (const { atMs, everyMs, untilMs, action } of scenario.steps) {
    const times = [atMs]
    for (let at = atMs; everyMs && at + everyMs <= untilMs; at += everyMs) times.push(at + everyMs)
    for (const at of times.filter((time) => time <= scenario.durationMs)) clock.setTimeout(() => run(action), at)
  }
}

/** Shows every change to every invariant, and keeps what they find. */
class Watched {
  readonly #invariants: readonly Invariant[]
  readonly #world: World
  readonly #tell: (text: string) => void
  readonly #at: () => number
  readonly #found = new Map<Invariant, Moment[]>()

  constructor(invariants: readonly Invariant[], world: World, tell: (text: string) => void, at: () => number) {
    this.#invariants = invariants
    this.#world = world
    this.#tell = tell
    this.#at = at
    const show = (change: PodChange): void => {
      for (const one of invariants) this.#keep(one, one.onPod?.(change, world))
    }
    world.pods.addHandler({
      add: (pod) => show({ type: "add", pod }),
      update: (pod, previous) => show({ type: "update", pod, previous }),
      delete: (pod) => show({ type: "delete", pod }),
    })
  }

  started(key: string, uid: string, node: string): void {
    for (const one of this.#invariants) this.#keep(one, one.onStart?.(key, uid, node))
  }

  stopped(key: string, uid: string): void {
    for (const one of this.#invariants) one.onStop?.(key, uid)
  }

  end(): void {
    for (const one of this.#invariants) for (const text of one.atEnd?.(this.#world) ?? []) this.#keep(one, text)
  }

  results(): SimulationResult["invariants"] {
    return this.#invariants.map((one) => ({
      name: one.name,
      checks: one.checks,
      violations: this.#found.get(one) ?? [],
    }))
  }

  #keep(invariant: Invariant, text: string | undefined): void {
    if (text === undefined) return
    const found = this.#found.get(invariant) ?? []
    found.push({ atMs: this.#at(), text })
    this.#found.set(invariant, found)
    this.#tell(`VIOLATED: ${text}`)
  }
}

function workloads({ deployments, statefulSets }: World): SimulationResult["workloads"] {
  const all = [
    ...deployments.list().map((object) => ({ kind: "deployment", object })),
    ...statefulSets.list().map((object) => ({ kind: "statefulset", object })),
  ]
  return all
    .map(({ kind, object: { metadata, spec, status } }) => ({
      name: `${kind} ${metadata.namespace}/${metadata.name}`,
      ready: status?.readyReplicas ?? 0,
      wanted: spec?.replicas ?? 1,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function podsByPhase({ pods }: World): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of pods.list()) {
    const phase = status?.phase ?? "Pending"
    counts[phase] = (counts[phase] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
