import type { apiregistrationv1, corev1, discoveryv1 } from "@ladya/api"
import { formatTime, semanticEqual } from "@ladya/apimachinery"
import type { RemoteService } from "./api-services.ts"

type Condition = apiregistrationv1.APIServiceCondition
export type Verdict = Pick<Condition, "status" | "reason" | "message"> & { reason: string; message: string }

const no = (reason: string, message: string): Verdict => ({ status: "False", reason, message })

export const passed: Verdict = { status: "True", reason: "Passed", message: "all checks passed" }
export const local: Verdict = {
  status: "True",
  reason: "Local",
  message: "Local APIServices are always available",
}
export const failedDiscoveryCheck = (message: string): Verdict => no("FailedDiscoveryCheck", message)

export interface BehindService {
  service: corev1.Service | undefined
  endpointSlices: readonly discoveryv1.EndpointSlice[]
}

/** What is wrong with the Service of an APIService, before anything is asked of it; undefined when nothing is. */
export function judgeService(
  { target }: RemoteService,
  { service, endpointSlices }: BehindService,
): Verdict | undefined {
  const name = `service/${target.name} in ${JSON.stringify(target.namespace)}`
  if (!service) return no("ServiceNotFound", `${name} is not present`)
  if (service.spec?.type !== "ClusterIP") return undefined
  const port = service.spec.ports?.find((entry) => entry.port === target.port)
  if (!port) return no("ServicePortError", `${name} is not listening on port ${target.port}`)
  if (endpointSlices.length === 0) return no("EndpointsNotFound", `cannot find endpoints for ${name}`)
  const portName = port.name ?? ""
  const isThere = endpointSlices.some(
    (slice) =>
      slice.ports?.some((entry) => (entry.name ?? "") === portName) &&
      slice.endpoints?.some(({ conditions }) => conditions?.ready !== false),
  )
  if (isThere) return undefined
  return no(
    "MissingEndpoints",
    `endpoints for service/${target.name} in ${JSON.stringify(target.namespace)} have no addresses with port name ${JSON.stringify(portName)}`,
  )
}

/** The status with this verdict in it; undefined when it says so already. */
export function planAvailability(
  status: apiregistrationv1.APIServiceStatus | undefined,
  verdict: Verdict,
  now: number,
): apiregistrationv1.APIServiceStatus | undefined {
  const conditions = status?.conditions ?? []
  const before = conditions.find(({ type }) => type === "Available")
  const lastTransitionTime =
    before?.status === verdict.status && before.lastTransitionTime ? before.lastTransitionTime : formatTime(now)
  const next: Condition = { lastTransitionTime, ...verdict, type: "Available" }
  if (before && semanticEqual(before, next)) return undefined
  const others = conditions.filter(({ type }) => type !== "Available")
  return { ...status, conditions: [...others, next] }
}
