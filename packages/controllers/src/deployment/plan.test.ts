import assert from "node:assert/strict"
import { test } from "node:test"
import type { appsv1 } from "@ladya/api"
import { deepFreeze, findCondition } from "@ladya/apimachinery"
import { newRandom } from "@ladya/util"
import { planDeployment } from "./plan.ts"
import { replicasOf } from "./sizes.ts"

type Deployment = appsv1.Deployment
type ReplicaSet = appsv1.ReplicaSet

function newDeployment(image: string, replicas: number, rollingUpdate: appsv1.RollingUpdateDeployment): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "ns", name: "web", uid: "d", generation: 1, annotations: { note: "kept" } },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } },
      strategy: { type: "RollingUpdate", rollingUpdate },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
    },
  }
}

/** ReplicaSets and pods as numbers: what the planner wants is done, pods become available in any order. */
class Simulation {
  deployment: Deployment
  replicaSets: ReplicaSet[] = []
  now = 1_700_000_000_000
  #created = 0

  constructor(deployment: Deployment) {
    this.deployment = deployment
  }

  change(spec: Partial<appsv1.DeploymentSpec>): void {
    const { metadata } = this.deployment
    this.deployment = {
      ...this.deployment,
      metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
      spec: { ...(this.deployment.spec as appsv1.DeploymentSpec), ...spec },
    }
  }

  setImage(image: string): void {
    const template = structuredClone(this.deployment.spec?.template ?? {})
    for (const container of template.spec?.containers ?? []) container.image = image
    this.change({ template })
  }

  /** One turn of the planner; true when it wanted anything. */
  step(): boolean {
    this.now += 1000
    const replicaSets = deepFreeze(structuredClone(this.replicaSets))
    const plan = planDeployment({
      deployment: deepFreeze(structuredClone(this.deployment)),
      replicaSets,
      podsOf: () => [],
      now: this.now,
    })
    for (const action of plan.actions) {
      if (action.kind === "create") {
        const metadata = {
          ...action.replicaSet.metadata,
          uid: `r${++this.#created}`,
          creationTimestamp: new Date(this.now).toISOString(),
        }
        this.replicaSets.push({ ...action.replicaSet, metadata })
      } else if (action.kind === "update") {
        const { uid } = action.replicaSet.metadata
        this.replicaSets = this.replicaSets.map((one) => (one.metadata.uid === uid ? action.replicaSet : one))
      } else if (action.kind === "delete") {
        this.replicaSets = this.replicaSets.filter((one) => one.metadata.uid !== action.replicaSet.metadata.uid)
      }
    }
    this.deployment = { ...this.deployment, status: plan.status }
    return plan.actions.some((action) => action.kind !== "setRevision")
  }

  /** Pods come and go as the ReplicaSets want; some of the new ones become available. */
  movePods(random: () => number): void {
    this.replicaSets = this.replicaSets.map((one) => {
      const replicas = replicasOf(one)
      // A ReplicaSet that shrinks gives up what is not available first.
      const before = Math.min(one.status?.availableReplicas ?? 0, replicas)
      const available = before + Math.floor(random() * (replicas - before + 1))
      const status = { replicas, readyReplicas: available, availableReplicas: available }
      return { ...one, status: { ...status, observedGeneration: one.metadata.generation ?? 0 } }
    })
  }

  get total(): number {
    return this.replicaSets.reduce((sum, one) => sum + replicasOf(one), 0)
  }

  get available(): number {
    return this.replicaSets.reduce((sum, one) => sum + Math.min(one.status?.availableReplicas ?? 0, replicasOf(one)), 0)
  }

  get isDone(): boolean {
    return findCondition(this.deployment.status?.conditions, "Progressing")?.reason === "NewReplicaSetAvailable"
  }

  run(random: () => number, check: () => void, limit = 2000): void {
    for (let turn = 0; turn < limit; turn++) {
      const wanted = this.step()
      check()
      this.movePods(random)
      const status = this.deployment.status
      const isSettled =
        !wanted &&
        this.isDone &&
        status?.updatedReplicas === status?.replicas &&
        this.total === replicasOf(this.deployment)
      if (isSettled && this.available === this.total && !this.step()) return
    }
    throw new Error("the rollout never came to its end")
  }
}

test("a rollout keeps its limits whatever happens to it in the middle, and ends (random runs)", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = newRandom(seed)
    const replicas = 1 + Math.floor(random() * 20)
    const percent = random() < 0.5
    const value = (): number | string => (percent ? `${Math.floor(random() * 101)}%` : Math.floor(random() * 6))
    const rollingUpdate = { maxSurge: value(), maxUnavailable: value() }
    const simulation = new Simulation(newDeployment("1", replicas, rollingUpdate))
    const amount = (of: number | string, total: number, up: boolean): number =>
      typeof of === "number" ? of : (up ? Math.ceil : Math.floor)((Number.parseInt(of, 10) * total) / 100)
    let minAvailable = 0
    try {
      simulation.run(random, () => undefined)
      for (let image = 2; image <= 4; image++) {
        simulation.setImage(String(image))
        const surge = amount(rollingUpdate.maxSurge, replicas, true)
        let unavailable = Math.min(amount(rollingUpdate.maxUnavailable, replicas, false), replicas)
        if (surge === 0 && unavailable === 0) unavailable = 1
        minAvailable = replicas - unavailable
        let turns = 0
        simulation.run(random, () => {
          assert.ok(simulation.total <= replicas + surge, `${simulation.total} pods, ${replicas} + ${surge} allowed`)
          assert.ok(simulation.available >= minAvailable, `${simulation.available} available, ${minAvailable} needed`)
          // Changed again in the middle.
          if (++turns === 3 && random() < 0.3) simulation.setImage(`${image}b`)
        })
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
})

test("scaling in the middle of a rollout is shared in proportion", () => {
  const simulation = new Simulation(newDeployment("1", 10, { maxSurge: 3, maxUnavailable: 2 }))
  simulation.run(
    () => 0.99,
    () => undefined,
  )
  simulation.setImage("2")
  simulation.step()
  simulation.movePods(() => 0)
  simulation.step()
  const before = simulation.replicaSets.map(replicasOf)
  assert.deepEqual(before, [8, 3])
  simulation.movePods(() => 0)
  simulation.step()
  assert.deepEqual(simulation.replicaSets.map(replicasOf), [8, 5])
  simulation.movePods(() => 0)
  simulation.change({ replicas: 15 })
  simulation.step()
  assert.deepEqual(simulation.replicaSets.map(replicasOf), [11, 7])
  assert.equal(simulation.replicaSets[0]?.metadata.annotations?.["deployment.kubernetes.io/desired-replicas"], "15")
  assert.equal(simulation.replicaSets[0]?.metadata.annotations?.["deployment.kubernetes.io/max-replicas"], "18")
})

test("the new ReplicaSet has the hash in name, selector and labels, and the Deployment's annotations", () => {
  const simulation = new Simulation(newDeployment("1", 2, {}))
  simulation.step()
  const [replicaSet] = simulation.replicaSets
  const hash = replicaSet?.metadata.labels?.["pod-template-hash"] ?? ""
  assert.equal(replicaSet?.metadata.name, `web-${hash}`)
  assert.equal(replicaSet?.spec?.selector.matchLabels?.["pod-template-hash"], hash)
  assert.equal(replicaSet?.spec?.template?.metadata?.labels?.["pod-template-hash"], hash)
  assert.equal(replicaSet?.metadata.annotations?.["note"], "kept")
  assert.equal(replicaSet?.metadata.annotations?.["deployment.kubernetes.io/revision"], "1")
  const other = new Simulation(newDeployment("1", 2, {}))
  other.deployment = { ...other.deployment, status: { collisionCount: 1 } }
  other.step()
  assert.notEqual(other.replicaSets[0]?.metadata.name, replicaSet?.metadata.name)
})
