import { type autoscalingv1, type autoscalingv2, type corev1, refs } from "@ladya/api"
import {
  formatTime,
  isStatus,
  keyOf,
  keyText,
  type ObjectKey,
  parseLabelSelector,
  setCondition,
} from "@ladya/apimachinery"
import { done, type Informer, newController, type Result, requeueAfter } from "@ladya/client"
import { errorMessage } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { podInformer } from "../shared/indexes.ts"
import { writeStatus } from "../shared/status.ts"
import { type History, noHistory, remember } from "./behavior.ts"
import { evaluateMetric, tolerancesOf } from "./evaluate.ts"
import { type MetricsReader, newMetricsReader } from "./metrics.ts"
import { type Plan, planByBounds, planByMetrics } from "./plan.ts"

type Autoscaler = autoscalingv2.HorizontalPodAutoscaler
type Condition = autoscalingv2.HorizontalPodAutoscalerCondition

/** Between two looks at an autoscaler's metrics. */
const periodMs = 15_000

/** Keeps the size of what HorizontalPodAutoscalers point at in line with their metrics. */
export const horizontalPodAutoscalerController: ControllerDefinition = {
  name: "horizontal-pod-autoscaler",
  account: "horizontal-pod-autoscaler",
  eventSource: "horizontal-pod-autoscaler",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const autoscalers = informers.informer(refs.horizontalpodautoscalers)
    const pods = podInformer(informers)
    const scaler = new Scaler(context, autoscalers, pods)
    const controller = newController({
      name: "horizontal-pod-autoscaler",
      reconciler: { reconcile: (key) => scaler.reconcile(key) },
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [autoscalers, pods, context.catalog],
    })
    autoscalers.addHandler({
      add: (object) => controller.enqueue(keyOf(object)),
      update: (object, previous) => {
        // Its own writes of the status are no reason to look again.
        if (object.metadata.generation === previous.metadata.generation && sameSpec(object, previous)) return
        controller.enqueue(keyOf(object))
      },
      delete: (object) => scaler.forget(keyText(keyOf(object))),
    })
    return controller
  },
}

const sameSpec = (a: Autoscaler, b: Autoscaler): boolean => JSON.stringify(a.spec) === JSON.stringify(b.spec)

class Scaler {
  readonly #context: ControllerContext
  readonly #autoscalers: Informer<Autoscaler>
  readonly #pods: Informer<corev1.Pod>
  readonly #reader: MetricsReader
  readonly #histories = new Map<string, History>()
  /** The selectors of the targets, to find two autoscalers of the same pods. */
  readonly #selectors = new Map<string, string>()

  constructor(context: ControllerContext, autoscalers: Informer<Autoscaler>, pods: Informer<corev1.Pod>) {
    this.#context = context
    this.#autoscalers = autoscalers
    this.#pods = pods
    this.#reader = newMetricsReader(context.client, context.catalog)
  }

  forget(key: string): void {
    this.#histories.delete(key)
    this.#selectors.delete(key)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const autoscaler = this.#autoscalers.get(key)
    if (!autoscaler || autoscaler.metadata.deletionTimestamp) return done
    const status = new StatusDraft(autoscaler, this.#context.clock.now())
    try {
      await this.#scale(autoscaler, status)
    } finally {
      const api = this.#context.client.resource(refs.horizontalpodautoscalers)
      await writeStatus(api, autoscaler, status.result).catch((error: unknown) => {
        if (!isStatus(error, "NotFound")) throw error
      })
    }
    return requeueAfter(periodMs)
  }

  async #scale(autoscaler: Autoscaler, status: StatusDraft): Promise<void> {
    const { clock } = this.#context
    const target = autoscaler.spec.scaleTargetRef
    const ref = this.#context.catalog.resourceOf(target.apiVersion ?? "v1", target.kind)
    const { namespace = "" } = autoscaler.metadata
    let scale: autoscalingv1.Scale
    try {
      if (!ref)
        throw new Error(
          `no matches for kind ${JSON.stringify(target.kind)} in version ${JSON.stringify(target.apiVersion)}`,
        )
      scale = await this.#context.client.resource(ref).getSubresource(target.name, "scale", { namespace })
    } catch (error) {
      const message = errorMessage(error)
      this.#warn(autoscaler, "FailedGetScale", message)
      status.set(
        "AbleToScale",
        "False",
        "FailedGetScale",
        `the HPA controller was unable to get the target's current scale: ${message}`,
      )
      return
    }
    status.set(
      "AbleToScale",
      "True",
      "SucceededGetScale",
      "the HPA controller was able to get the target's current scale",
    )
    const current = scale.spec?.replicas ?? 0
    const key = keyText(keyOf(autoscaler))
    const history = this.#histories.get(key) ?? remember(noHistory, { recommendation: current }, clock.now())
    const plan = await this.#plan(autoscaler, scale, status, history)
    if (!plan) {
      status.counts(current, status.result.desiredReplicas)
      this.#histories.set(key, history)
      return
    }
    for (const one of plan.conditions) status.set(one.type, one.status, one.reason ?? "", one.message ?? "")
    if (plan.failure !== undefined && plan.currentMetrics === undefined) {
      this.#warn(autoscaler, "FailedComputeMetricsReplicas", plan.failure)
    }
    this.#histories.set(key, plan.history)
    if (plan.currentMetrics) status.result.currentMetrics = [...plan.currentMetrics]
    if (plan.desired === current || plan.reason === undefined) {
      status.counts(current, plan.desired)
      return
    }
    await this.#resize(autoscaler, scale, plan, status, { ref, current, key, namespace })
  }

  async #resize(
    autoscaler: Autoscaler,
    scale: autoscalingv1.Scale,
    plan: Plan,
    status: StatusDraft,
    at: {
      ref: Parameters<ControllerContext["client"]["resource"]>[0] | undefined
      current: number
      key: string
      namespace: string
    },
  ): Promise<void> {
    const { client, clock, recorder } = this.#context
    const { ref, current, key, namespace } = at
    if (!ref) return
    const { desired } = plan
    try {
      const metadata = { ...scale.metadata, namespace }
      await client
        .resource(ref)
        .update({ ...scale, metadata, spec: { replicas: desired } } as never, { subresource: "scale" })
    } catch (error) {
      const message = errorMessage(error)
      this.#warn(autoscaler, "FailedRescale", `New size: ${desired}; reason: ${plan.reason}; error: ${message}`)
      status.set(
        "AbleToScale",
        "False",
        "FailedUpdateScale",
        `the HPA controller was unable to update the target scale: ${message}`,
      )
      status.counts(current, status.result.desiredReplicas)
      throw error
    }
    status.set(
      "AbleToScale",
      "True",
      "SucceededRescale",
      `the HPA controller was able to update the target scale to ${desired}`,
    )
    recorder.event(reference(autoscaler), "Normal", "SuccessfulRescale", `New size: ${desired}; reason: ${plan.reason}`)
    const events = autoscaler.spec.behavior ? { from: current, to: desired } : {}
    this.#histories.set(key, remember(plan.history, events, clock.now()))
    status.counts(current, desired)
    status.result.lastScaleTime = formatTime(clock.now())
  }

  /** Undefined when the target's pods cannot be told. */
  async #plan(
    autoscaler: Autoscaler,
    scale: autoscalingv1.Scale,
    status: StatusDraft,
    history: History,
  ): Promise<Plan | undefined> {
    const { clock } = this.#context
    const { spec } = autoscaler
    const current = scale.spec?.replicas ?? 0
    const bounds = planByBounds({ spec, current })
    if (bounds) return { ...bounds, currentMetrics: undefined, failure: undefined, history }
    const pods = this.#podsOf(autoscaler, scale, status)
    if (!pods) return undefined
    const evaluate = {
      namespace: autoscaler.metadata.namespace ?? "",
      selector: scale.status?.selector ?? "",
      pods,
      current,
      present: scale.status?.replicas ?? 0,
      tolerances: tolerancesOf(spec),
      reader: this.#reader,
      now: clock.now(),
    }
    const metrics = await Promise.all((spec.metrics ?? []).map((metric) => evaluateMetric(evaluate, metric)))
    for (const metric of metrics) if (metric.kind === "invalid") this.#warn(autoscaler, metric.reason, metric.message)
    return planByMetrics({ spec, current, metrics, history, now: clock.now() })
  }

  #podsOf(autoscaler: Autoscaler, scale: autoscalingv1.Scale, status: StatusDraft): readonly corev1.Pod[] | undefined {
    const text = scale.status?.selector ?? ""
    const refuse = (reason: string, message: string, event = reason): undefined => {
      this.#warn(autoscaler, event, message)
      status.set("ScalingActive", "False", reason, message)
      return undefined
    }
    if (text === "") {
      this.#warn(autoscaler, "SelectorRequired", "selector is required")
      status.set("ScalingActive", "False", "InvalidSelector", "the HPA target's scale is missing a selector")
      return undefined
    }
    const { namespace = "" } = autoscaler.metadata
    try {
      const selector = parseLabelSelector(text)
      const key = keyText(keyOf(autoscaler))
      this.#selectors.set(key, text)
      const pods = this.#pods.inNamespace(namespace).filter(({ metadata }) => selector.matches(metadata.labels ?? {}))
      const rivals = this.#rivals(key, namespace, pods)
      if (rivals.length > 1) {
        const message = `pods by selector ${text} are controlled by multiple HPAs: [${rivals.join(" ")}]`
        return refuse("AmbiguousSelector", message)
      }
      return pods
    } catch (error) {
      const message = `couldn't convert selector into a corresponding internal selector object: ${errorMessage(error)}`
      return refuse("InvalidSelector", message)
    }
  }

  /** All autoscalers whose targets these pods belong to. */
  #rivals(own: string, namespace: string, pods: readonly corev1.Pod[]): string[] {
    const found = [own]
    for (const [key, text] of this.#selectors) {
      if (key === own || !key.startsWith(`${namespace}/`)) continue
      const selector = parseLabelSelector(text)
      if (pods.some(({ metadata }) => selector.matches(metadata.labels ?? {}))) found.push(key)
    }
    return found.sort()
  }

  #warn(autoscaler: Autoscaler, reason: string, message: string): void {
    this.#context.recorder.event(reference(autoscaler), "Warning", reason, message)
  }
}

function reference({ metadata }: Autoscaler): corev1.ObjectReference {
  const { namespace = "", name = "", uid = "" } = metadata
  return { apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", namespace, name, uid }
}

/** The status as it is to become. */
class StatusDraft {
  readonly result: autoscalingv2.HorizontalPodAutoscalerStatus
  readonly #now: number

  constructor({ metadata, status }: Autoscaler, now: number) {
    this.#now = now
    this.result = { desiredReplicas: 0, currentReplicas: 0, ...status }
    if (metadata.generation !== undefined) this.result.observedGeneration = metadata.generation
  }

  set(type: string, status: string, reason: string, message: string): void {
    const next = { type, status, reason, message }
    this.result.conditions = [...setCondition<Condition>(this.result.conditions, next, this.#now)]
  }

  counts(current: number, desired: number): void {
    this.result.currentReplicas = current
    this.result.desiredReplicas = desired
  }
}
