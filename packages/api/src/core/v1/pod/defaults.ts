import { formatQuantity } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { defaultPullPolicy } from "../../../helpers/images.ts"
import { containerRequests } from "../../../helpers/pod-resources.ts"
import { defaultVolume } from "./defaults-volumes.ts"

function defaultHttpGet(action: corev1.HTTPGetAction | undefined): void {
  if (!action) return
  action.path ||= "/"
  action.scheme ||= "HTTP"
}

function defaultProbe(probe: corev1.Probe | undefined): void {
  if (!probe) return
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  defaultHttpGet(probe.httpGet)
  if (probe.grpc) probe.grpc.service ??= ""
}

function defaultEnv(env: corev1.EnvVar[] | undefined): void {
  for (const variable of env ?? []) {
    const source = variable.valueFrom
    if (source?.fieldRef) source.fieldRef.apiVersion ||= "v1"
    if (source?.resourceFieldRef) source.resourceFieldRef.divisor ??= "0"
    if (source?.fileKeyRef) source.fileKeyRef.optional ??= false
  }
}

/** Containers of all three sorts. */
export function defaultContainer(container: corev1.Container | corev1.EphemeralContainer): void {
  container.resources ??= {}
  if (!container.imagePullPolicy) container.imagePullPolicy = defaultPullPolicy(container.image ?? "")
  container.terminationMessagePath ||= "/dev/termination-log"
  container.terminationMessagePolicy ||= "File"
  for (const port of container.ports ?? []) port.protocol ||= "TCP"
  defaultEnv(container.env)
  defaultProbe(container.livenessProbe)
  defaultProbe(container.readinessProbe)
  defaultProbe(container.startupProbe)
  defaultHttpGet(container.lifecycle?.postStart?.httpGet)
  defaultHttpGet(container.lifecycle?.preStop?.httpGet)
}

/** What a pod's spec and a template's spec have in common. */
export function defaultPodSpec(spec: corev1.PodSpec): void {
  spec.containers ??= []
  spec.dnsPolicy ||= "ClusterFirst"
  spec.restartPolicy ||= "Always"
  spec.securityContext ??= {}
  spec.terminationGracePeriodSeconds ??= 30
  spec.schedulerName ||= "default-scheduler"
  // The old name of the field is kept equal to the new one.
  spec.serviceAccountName ||= spec.serviceAccount ?? ""
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName
  else {
    delete spec.serviceAccountName
    delete spec.serviceAccount
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume)
  for (const container of spec.initContainers ?? []) defaultContainer(container)
  for (const container of spec.containers) defaultContainer(container)
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container)
}

/** The template of a workload. */
export function defaultPodTemplate(template: corev1.PodTemplateSpec): void {
  template.metadata ??= {}
  template.spec ??= { containers: [] }
  defaultPodSpec(template.spec)
}

function requestsFromLimits(container: corev1.Container): void {
  const limits = container.resources?.limits
  if (!limits || !container.resources) return
  container.resources.requests ??= {}
  for (const [name, value] of Object.entries(limits)) container.resources.requests[name] ??= value
}

function hostPortsFromPorts(container: corev1.Container): void {
  for (const port of container.ports ?? []) port.hostPort ||= port.containerPort
}

// A pod-level request that is left open is what the containers ask for, or else the pod-level limit.
function podLevelRequests(spec: corev1.PodSpec): void {
  const resources = spec.resources
  if (!resources?.limits || Object.keys(resources.limits).length === 0) return
  const requests = { ...resources.requests }
  for (const [name, amount] of containerRequests(spec)) {
    if (name === "cpu" || name === "memory") requests[name] ??= formatQuantity(amount)
  }
  for (const [name, limit] of Object.entries(resources.limits)) requests[name] ??= limit
  resources.requests = requests
}

/** Pods: beyond their spec's own defaults, what templates leave open. */
export function defaultPod(pod: corev1.Pod): void {
  pod.spec ??= { containers: [] }
  const { spec } = pod
  defaultPodSpec(spec)
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    requestsFromLimits(container)
    if (spec.hostNetwork) hostPortsFromPorts(container)
  }
  podLevelRequests(spec)
  spec.enableServiceLinks ??= true
}
