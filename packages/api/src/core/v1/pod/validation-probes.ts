import { fieldError, isHttpHeaderName } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import {
  checkNonNegative,
  checkOneOf,
  checkPort,
  checkRequired,
  checkTexts,
  type Errors,
} from "../../../validation/checks.ts"

interface Handler {
  exec?: corev1.ExecAction
  httpGet?: corev1.HTTPGetAction
  tcpSocket?: corev1.TCPSocketAction
  grpc?: corev1.GRPCAction
  sleep?: corev1.SleepAction
}

function checkHttpGet(errors: Errors, path: string, action: corev1.HTTPGetAction): void {
  checkRequired(errors, `${path}.path`, action.path)
  checkPort(errors, `${path}.port`, action.port)
  checkOneOf(errors, `${path}.scheme`, action.scheme, ["HTTP", "HTTPS"])
  for (const header of action.httpHeaders ?? []) {
    checkTexts(errors, `${path}.httpHeaders`, header.name, isHttpHeaderName(header.name ?? ""))
  }
}

const checks: {
  [K in keyof Required<Handler>]: (errors: Errors, path: string, handler: Handler, grace?: number) => void
} = {
  exec: (errors, path, { exec }) => {
    if (!exec?.command?.length) errors.push(fieldError.required(`${path}.command`))
  },
  httpGet: (errors, path, { httpGet }) => {
    if (httpGet) checkHttpGet(errors, path, httpGet)
  },
  tcpSocket: (errors, path, { tcpSocket }) => checkPort(errors, `${path}.port`, tcpSocket?.port),
  grpc: (errors, path, { grpc }) => checkPort(errors, `${path}.port`, grpc?.port),
  sleep: (errors, path, { sleep }, grace) => {
    const seconds = sleep?.seconds ?? 0
    if (grace !== undefined && (seconds < 0 || seconds > grace)) {
      const detail = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`
      errors.push(fieldError.invalid(path, seconds, detail))
    }
  },
}

/** A probe's or hook's action: exactly one of its kinds. */
function checkHandler(errors: Errors, path: string, handler: Handler, graceSeconds: number | undefined): void {
  let count = 0
  for (const key of Object.keys(checks) as (keyof Handler)[]) {
    if (handler[key] === undefined) continue
    count++
    if (count > 1) errors.push(fieldError.forbidden(`${path}.${key}`, "may not specify more than 1 handler type"))
    else checks[key](errors, `${path}.${key}`, handler, graceSeconds)
  }
  if (count === 0) errors.push(fieldError.required(path, "must specify a handler type"))
}

function checkProbe(errors: Errors, path: string, probe: corev1.Probe, graceSeconds: number | undefined): void {
  checkHandler(errors, path, probe, graceSeconds)
  checkNonNegative(errors, `${path}.initialDelaySeconds`, probe.initialDelaySeconds)
  checkNonNegative(errors, `${path}.timeoutSeconds`, probe.timeoutSeconds)
  checkNonNegative(errors, `${path}.periodSeconds`, probe.periodSeconds)
  checkNonNegative(errors, `${path}.successThreshold`, probe.successThreshold)
  checkNonNegative(errors, `${path}.failureThreshold`, probe.failureThreshold)
  const grace = probe.terminationGracePeriodSeconds
  if (grace !== undefined && grace <= 0) {
    errors.push(fieldError.invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0"))
  }
}

/** Probes and hooks of a regular container or a sidecar. */
export function checkProbesAndHooks(
  errors: Errors,
  path: string,
  container: corev1.Container,
  graceSeconds: number | undefined,
): void {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container
  if (lifecycle?.postStart) checkHandler(errors, `${path}.lifecycle.postStart`, lifecycle.postStart, graceSeconds)
  if (lifecycle?.preStop) checkHandler(errors, `${path}.lifecycle.preStop`, lifecycle.preStop, graceSeconds)
  for (const [name, probe] of [
    ["livenessProbe", livenessProbe],
    ["readinessProbe", readinessProbe],
    ["startupProbe", startupProbe],
  ] as const) {
    if (!probe) continue
    const probePath = `${path}.${name}`
    checkProbe(errors, probePath, probe, graceSeconds)
    if (name === "readinessProbe") {
      const grace = probe.terminationGracePeriodSeconds
      if (grace !== undefined) {
        const detail = "must not be set for readinessProbes"
        errors.push(fieldError.invalid(`${probePath}.terminationGracePeriodSeconds`, grace, detail))
      }
    } else if ((probe.successThreshold ?? 1) !== 1) {
      errors.push(fieldError.invalid(`${probePath}.successThreshold`, probe.successThreshold, "must be 1"))
    }
  }
}
