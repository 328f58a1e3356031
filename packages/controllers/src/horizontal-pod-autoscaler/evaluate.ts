import { type autoscalingv2, type corev1, isPodReady } from "@ladya/api"
import { formatQuantity, parseQuantity, quantityFromMilli, quantityToFloat, quantityToMilli } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"
import type { MetricsReader } from "./metrics.ts"
import { type Proposal, planAverage, planUtilization, planValue, planValuePerPod, type Tolerances } from "./replicas.ts"

type MetricSpec = autoscalingv2.MetricSpec
type MetricStatus = autoscalingv2.MetricStatus
type Target = autoscalingv2.MetricTarget

export interface EvaluateInput {
  namespace: string
  /** The selector of the scale, as text. */
  selector: string
  /** What it chooses. */
  pods: readonly corev1.Pod[]
  current: number
  /** As the scale's status tells. */
  present: number
  tolerances: Tolerances
  reader: MetricsReader
  now: number
}

/** What one metric proposes. */
export type Evaluated =
  | { kind: "valid"; replicas: number; name: string; status: MetricStatus }
  | { kind: "invalid"; reason: string; message: string }

/** A metric that cannot be read: why, as the condition and the event have it. */
class InvalidMetric extends Error {
  readonly reason: string

  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

const defaultTolerance = 0.1

/** How far usage may be from a target: 10 % unless the behaviour says otherwise. */
export function tolerancesOf({ behavior }: autoscalingv2.HorizontalPodAutoscalerSpec): Tolerances {
  const of = (rules: autoscalingv2.HPAScalingRules | undefined): number =>
    rules?.tolerance === undefined ? defaultTolerance : quantityToFloat(parseQuantity(rules.tolerance))
  return { up: of(behavior?.scaleUp), down: of(behavior?.scaleDown) }
}

/** Reads a metric and works out how many pods it wants. Never throws for what is wrong with the metric. */
export async function evaluateMetric(input: EvaluateInput, spec: MetricSpec): Promise<Evaluated> {
  try {
    return await byType(input, spec)
  } catch (error) {
    const reason = error instanceof InvalidMetric ? error.reason : "InvalidMetricSourceType"
    return { kind: "invalid", reason, message: errorMessage(error) }
  }
}

async function byType(input: EvaluateInput, spec: MetricSpec): Promise<Evaluated> {
  if (spec.type === "Resource" && spec.resource) {
    const { name, target } = spec.resource
    const found = await resourceMetric(input, { name, target, container: "", reason: "FailedGetResourceMetric" })
    return { kind: "valid", ...found, status: { type: "Resource", resource: { name, current: found.current } } }
  }
  if (spec.type === "ContainerResource" && spec.containerResource) {
    const { name, target, container } = spec.containerResource
    const reason = "FailedGetContainerResourceMetric"
    const found = await resourceMetric(input, { name, target, container, reason })
    const containerResource = { name, container, current: found.current }
    return { kind: "valid", ...found, status: { type: "ContainerResource", containerResource } }
  }
  if (spec.type === "Pods" && spec.pods) return podsMetric(input, spec.pods)
  if (spec.type === "Object" && spec.object) return objectMetric(input, spec.object)
  if (spec.type === "External" && spec.external) return externalMetric(input, spec.external)
  throw new InvalidMetric("InvalidMetricSourceType", `unknown metric source type "${spec.type}"`)
}

const amount = (milli: number): string => formatQuantity(quantityFromMilli(milli))
const milliOf = (value: string): number => quantityToMilli(parseQuantity(value))

async function attempt<T>(reason: string, what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new InvalidMetric(reason, `${what}: ${errorMessage(error)}`)
  }
}

async function resourceMetric(
  input: EvaluateInput,
  metric: { name: string; target: Target; container: string; reason: string },
): Promise<{ replicas: number; name: string; current: autoscalingv2.MetricValueStatus }> {
  const { name, target, container, reason } = metric
  const { namespace, selector, reader } = input
  const read = async () => {
    try {
      return await reader.resource(namespace, selector, name, container)
    } catch (error) {
      throw new Error(`unable to get metrics for resource ${name}: ${errorMessage(error)}`, { cause: error })
    }
  }
  if (target.averageValue !== undefined) {
    const goal = milliOf(target.averageValue)
    const proposal = await attempt(reason, `failed to get ${name} usage`, async () =>
      planAverage({ ...input, metrics: await read(), resource: name, target: goal }),
    )
    return { ...shown(proposal), name: `${name} resource` }
  }
  const { averageUtilization } = target
  if (averageUtilization === undefined) {
    const wrong =
      "invalid resource metric source: neither an average utilization target nor an average value (usage) target was set"
    throw new InvalidMetric(reason, wrong)
  }
  const proposal = await attempt(reason, `failed to get ${name} utilization`, async () =>
    planUtilization({ ...input, metrics: await read(), resource: name, container, target: averageUtilization }),
  )
  return { ...shown(proposal), name: `${name} resource utilization (percentage of request)` }
}

function shown({ replicas, utilization, usage }: Proposal) {
  const current = {
    ...(utilization === undefined ? {} : { averageUtilization: utilization }),
    averageValue: amount(usage),
  }
  return { replicas, current }
}

async function podsMetric(
  input: EvaluateInput,
  { metric, target }: autoscalingv2.PodsMetricSource,
): Promise<Evaluated> {
  const { namespace, selector, reader } = input
  const proposal = await attempt("FailedGetPodsMetric", "failed to get pods metric value", async () => {
    const metrics = await reader.pods(namespace, selector, metric).catch((error: unknown) => {
      throw new Error(`unable to get metric ${metric.name}: ${errorMessage(error)}`, { cause: error })
    })
    return planAverage({ ...input, metrics, resource: "", target: milliOf(target.averageValue ?? "0") })
  })
  const status: MetricStatus = { type: "Pods", pods: { metric, current: { averageValue: amount(proposal.usage) } } }
  return { kind: "valid", replicas: proposal.replicas, name: `pods metric ${metric.name}`, status }
}

/** A metric of something else than pods: for the whole, or for each pod. */
function ofWhole(
  input: EvaluateInput,
  target: Target,
  usage: number,
): Proposal & Pick<autoscalingv2.MetricValueStatus, "value" | "averageValue"> {
  const { current, present, pods, tolerances } = input
  if (target.averageValue !== undefined && target.type !== "Value") {
    const proposal = planValuePerPod({ present, usage, target: milliOf(target.averageValue), tolerances })
    return { ...proposal, averageValue: amount(proposal.usage) }
  }
  if (target.value === undefined) throw new Error("neither a value target nor an average value target was set")
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isPodReady(pod)).length
  const proposal = planValue({ current, ready, usage, target: milliOf(target.value), tolerances })
  return { ...proposal, value: amount(usage) }
}

async function objectMetric(input: EvaluateInput, source: autoscalingv2.ObjectMetricSource): Promise<Evaluated> {
  const { metric, target, describedObject } = source
  const found = await attempt("FailedGetObjectMetric", "failed to get object metric value", async () => {
    const usage = await input.reader.object(input.namespace, describedObject, metric).catch((error: unknown) => {
      const what = `${describedObject.kind} on ${input.namespace} ${describedObject.name}/${metric.name}`
      throw new Error(`unable to get metric ${metric.name}: ${what} ${errorMessage(error)}`, { cause: error })
    })
    return ofWhole(input, target, usage)
  })
  const { value, averageValue } = found
  const current = { ...(value === undefined ? {} : { value }), ...(averageValue === undefined ? {} : { averageValue }) }
  const name = `${describedObject.kind} metric ${metric.name}`
  return {
    kind: "valid",
    replicas: found.replicas,
    name,
    status: { type: "Object", object: { metric, describedObject, current } },
  }
}

async function externalMetric(input: EvaluateInput, source: autoscalingv2.ExternalMetricSource): Promise<Evaluated> {
  const { metric, target } = source
  const found = await attempt("FailedGetExternalMetric", `failed to get ${metric.name} external metric`, async () => {
    const usage = await input.reader.external(input.namespace, metric).catch((error: unknown) => {
      throw new Error(`unable to get external metric ${input.namespace}/${metric.name}: ${errorMessage(error)}`, {
        cause: error,
      })
    })
    return ofWhole(input, target, usage)
  })
  const { value, averageValue } = found
  const current = { ...(value === undefined ? {} : { value }), ...(averageValue === undefined ? {} : { averageValue }) }
  return {
    kind: "valid",
    replicas: found.replicas,
    name: `external metric ${metric.name}`,
    status: { type: "External", external: { metric, current } },
  }
}
