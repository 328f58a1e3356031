import { type corev1, podCondition } from "@ladya/api"
import { type Cause, waiting } from "../finding.ts"
import { evidenceOf, type View } from "../view.ts"

type Pod = corev1.Pod
type Status = corev1.ContainerStatus

const imageReasons = new Set(["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
const configReasons = new Set(["CreateContainerConfigError", "CreateContainerError", "RunContainerError"])
const signals: Readonly<Record<number, string>> = { 6: "SIGABRT", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM" }

function codeText(code: number, signal = 0): string {
  const number = signal || (code > 128 ? code - 128 : 0)
  const name = signals[number]
  return name ? `exit code ${code} (${name})` : `exit code ${code}`
}

/** What a shell means by its own exit codes. */
function codeHint(code: number): string | undefined {
  if (code === 126) return "exit code 126: the command is there but cannot be executed; look at its mode and its format"
  if (code === 127) return "exit code 127: the command was not found in the image; look at command and args"
  if (code === 137)
    return "exit code 137: it was killed; look for a memory limit that is too low or a failing liveness probe"
  return undefined
}

function limitOf(pod: Pod, name: string): string {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
  return all.find((container) => container.name === name)?.resources?.limits?.["memory"] ?? "the node's"
}

function imageCause(status: Status, message: string): Cause {
  const denied = /denied|unauthorized|forbidden|authentication/i.test(message)
  const fix = [
    `correct the image name: ${status.image || "(none)"}`,
    "make the image known to the nodes: ladya image load FILE",
  ]
  if (denied) fix.unshift("give the pod an imagePullSecret of the registry (kubectl create secret docker-registry …)")
  return {
    state: "stuck",
    cause: `container ${status.name} cannot start: its image ${status.image} cannot be pulled`,
    fix,
    evidence: message ? [message] : [],
  }
}

function configCause(name: string, message: string): Cause {
  const missing = /(configmap|secret) "([^"]+)" not found/i.exec(message)
  const key = /couldn't find key (\S+) in (ConfigMap|Secret) (\S+)/i.exec(message)
  if (missing) {
    const [, kind = "", object = ""] = missing
    const word = kind.toLowerCase()
    const create = word === "secret" ? "secret generic" : word
    return {
      state: "stuck",
      cause: `container ${name} cannot start: the ${word} ${object} that it refers to does not exist`,
      fix: [`create it: kubectl create ${create} ${object} …`, "or mark the reference optional: true"],
    }
  }
  if (key) {
    return {
      state: "stuck",
      cause: `container ${name} cannot start: ${key[2]} ${key[3]} has no key ${key[1]}`,
      fix: [`add the key ${key[1]} to it, or correct the key that the pod names`],
    }
  }
  return {
    state: "stuck",
    cause: `container ${name} cannot be created: ${message}`,
    fix: ["correct the container's spec as the message says"],
  }
}

/** A container that ends over and over. */
async function crashCause(view: View, pod: Pod, status: Status): Promise<Cause> {
  const last = status.lastState?.terminated ?? status.state?.terminated
  const code = last?.exitCode ?? 0
  const again = status.state?.waiting?.reason === "CrashLoopBackOff" ? "crashes again and again" : "has ended"
  const times = `${status.restartCount} restart${status.restartCount === 1 ? "" : "s"}`
  if (last?.reason === "OOMKilled") {
    return {
      state: "stuck",
      cause: `container ${status.name} was killed because it used more memory than its limit of ${limitOf(pod, status.name)} (${times})`,
      fix: ["raise resources.limits.memory", "or make the program use less memory"],
    }
  }
  const lines =
    (await view.logTail(pod, status.name, status.state?.running !== undefined || !status.state?.terminated)) ?? []
  const probe = (await view.warnings("Pod", pod)).find(({ message = "" }) => /liveness probe failed/i.test(message))
  const hint = codeHint(code)
  if (probe && code !== 0 && (code === 137 || code === 143)) {
    return {
      state: "stuck",
      cause: `container ${status.name} is restarted because its liveness probe fails (${times})`,
      fix: [
        "make the probe's endpoint answer in time",
        "or give it more time: initialDelaySeconds, timeoutSeconds, a startupProbe",
      ],
      evidence: evidenceOf([probe]),
    }
  }
  return {
    state: "stuck",
    cause: `container ${status.name} ${again}: ${codeText(code, last?.signal)}${last?.message ? `, ${last.message}` : ""} (${times})`,
    fix: [
      ...(hint ? [hint] : []),
      `read what it said: kubectl logs ${pod.metadata.name} -c ${status.name} -n ${pod.metadata.namespace} --previous`,
    ],
    ...(lines.length > 0 ? { evidence: lines } : {}),
  }
}

async function waitingCause(view: View, pod: Pod, status: Status): Promise<Cause | undefined> {
  const { reason = "", message = "" } = status.state?.waiting ?? {}
  if (imageReasons.has(reason)) {
    const pulls = (await view.warnings("Pod", pod)).find((event) => /failed to pull/i.test(event.message ?? ""))
    return imageCause(status, reason === "ImagePullBackOff" ? (pulls?.message ?? message) : message)
  }
  if (configReasons.has(reason)) return configCause(status.name, message)
  if (reason === "CrashLoopBackOff") return crashCause(view, pod, status)
  return undefined
}

/** Volumes and the sandbox come before any container. */
async function creatingCause(view: View, pod: Pod): Promise<Cause | undefined> {
  const events = await view.warnings("Pod", pod)
  const mount = events.find(({ reason }) => reason === "FailedMount" || reason === "FailedAttachVolume")
  if (mount) {
    const missing = /(configmap|secret|persistentvolumeclaim) "([^"]+)" not found/i.exec(mount.message ?? "")
    const what = missing ? `the ${missing[1]?.toLowerCase()} ${missing[2]} does not exist` : mount.message
    return {
      state: "stuck",
      cause: `a volume cannot be mounted: ${what}`,
      fix: missing
        ? [`create the ${missing[1]?.toLowerCase()} ${missing[2]}, or mark the volume optional: true`]
        : ["mend what the message names; the node tries again by itself"],
      evidence: evidenceOf([mount]),
    }
  }
  const sandbox = events.find(({ reason }) => reason === "FailedCreatePodSandBox")
  if (!sandbox) return undefined
  return {
    state: "stuck",
    cause: "the node cannot make the pod's sandbox (its network or its runtime refuses)",
    fix: [`look at the agent's log of node ${pod.spec?.nodeName}`, "ladya status shows whether its processes run"],
    evidence: evidenceOf([sandbox]),
  }
}

const ready = (status: Status): boolean => status.ready

async function notReadyCause(view: View, pod: Pod, status: Status): Promise<Cause> {
  const events = await view.warnings("Pod", pod)
  const probe = events.find(
    ({ reason, message = "" }) => reason === "Unhealthy" && /(readiness|startup) probe/i.test(message),
  )
  const which = status.started === false ? "startup" : "readiness"
  if (!probe) {
    return waiting(
      `container ${status.name} runs but its ${which} probe has not succeeded yet`,
      "wait for initialDelaySeconds and periodSeconds to pass; look again",
    )
  }
  return {
    state: "stuck",
    cause: `container ${status.name} runs but its ${which} probe fails`,
    fix: ["make the probe's endpoint answer as it wants", "or correct the probe's path, port or command"],
    evidence: evidenceOf([probe]),
  }
}

/** What keeps a pod that has a node from running and being ready; undefined when nothing does. */
export async function containersCause(view: View, pod: Pod): Promise<Cause | undefined> {
  const status = pod.status
  const inits = status?.initContainerStatuses ?? []
  const mains = status?.containerStatuses ?? []
  for (const container of [...inits, ...mains]) {
    const cause = await waitingCause(view, pod, container)
    if (cause) return cause
  }
  const initializing = inits.find((init) => !init.ready && (init.state?.running || init.state?.terminated?.exitCode))
  if (initializing?.state?.terminated) return crashCause(view, pod, initializing)
  if (initializing) {
    return waiting(
      `init container ${initializing.name} is still running; the others start after it`,
      `see what it waits for: kubectl logs ${pod.metadata.name} -c ${initializing.name} -n ${pod.metadata.namespace}`,
    )
  }
  if (mains.length === 0 || mains.some(({ state }) => state?.waiting)) {
    const cause = await creatingCause(view, pod)
    if (cause) return cause
    const waits = mains.find(({ state }) => state?.waiting)
    if (waits || mains.length === 0) {
      return waiting("the node is making its containers", "look again in a moment")
    }
  }
  const ended = mains.find(({ state }) => state?.terminated && state.terminated.exitCode !== 0)
  if (ended) return crashCause(view, pod, ended)
  const unready = mains.find((container) => !ready(container) && container.state?.running)
  if (unready) return notReadyCause(view, pod, unready)
  const gate = (pod.spec?.readinessGates ?? []).find(
    ({ conditionType }) => podCondition(pod, conditionType)?.status !== "True",
  )
  if (gate) {
    return {
      state: "stuck",
      cause: `the readiness gate ${gate.conditionType} is not True`,
      fix: [`the controller that owns the condition ${gate.conditionType} has to set it`],
    }
  }
  return undefined
}
