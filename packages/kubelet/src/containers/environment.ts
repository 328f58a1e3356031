import type { corev1 } from "@ladya/api"
import type { Pod } from "../pods/pod.ts"
import { expand, lookupIn } from "./expansion.ts"
import { containerResource, type PodFacts, podField } from "./references.ts"

/** Reads what environments refer to; undefined when there is no such object. */
export interface ConfigReader {
  configMap(namespace: string, name: string): Promise<corev1.ConfigMap | undefined>
  secret(namespace: string, name: string): Promise<corev1.Secret | undefined>
}

/** A container cannot be configured: its status says CreateContainerConfigError with this message. */
export class ContainerConfigError extends Error {
  override name = "ContainerConfigError"
}

export interface EnvironmentInput {
  pod: Pod
  container: corev1.Container
  facts: PodFacts
  allocatable: Readonly<Record<string, string>>
  serviceVariables: Readonly<Record<string, string>>
  reader: ConfigReader
}

const decode = (base64: string): string => Buffer.from(base64, "base64").toString("utf8")

function dataOf(object: corev1.ConfigMap | corev1.Secret): Record<string, string> {
  if (object.kind === "ConfigMap") return object.data ?? {}
  return Object.fromEntries(Object.entries(object.data ?? {}).map(([key, value]) => [key, decode(value)]))
}

type Source = { word: "configmap" | "secret"; title: "ConfigMap" | "Secret"; name: string; optional: boolean }

const sourceOf = (title: Source["title"], selector: { name?: string; optional?: boolean }): Source => ({
  title,
  word: title === "ConfigMap" ? "configmap" : "secret",
  name: selector.name ?? "",
  optional: selector.optional === true,
})

/** Reads a source once per container, however many variables come from it. */
function newSourceReader({
  pod,
  reader,
}: EnvironmentInput): (source: Source) => Promise<Record<string, string> | undefined> {
  const namespace = pod.metadata.namespace ?? ""
  const known = new Map<string, Promise<Record<string, string> | undefined>>()
  return async (source) => {
    const key = `${source.word}/${source.name}`
    let data = known.get(key)
    if (!data) {
      const read =
        source.title === "ConfigMap" ? reader.configMap(namespace, source.name) : reader.secret(namespace, source.name)
      data = read.then((object) => (object ? dataOf(object) : undefined))
      known.set(key, data)
    }
    const found = await data
    if (!found && !source.optional) {
      throw new ContainerConfigError(`${source.word} ${JSON.stringify(source.name)} not found`)
    }
    return found
  }
}

/**
 * The environment of a container: from whole ConfigMaps and Secrets, then variable by variable with `$(NAME)` replaced
 * by what stands before it, then the Services' variables where nothing of the same name is set.
 * Throws a ContainerConfigError when something referred to is missing.
 */
export async function containerEnvironment(input: EnvironmentInput): Promise<Record<string, string>> {
  const { pod, container, serviceVariables } = input
  const read = newSourceReader(input)
  const namespace = pod.metadata.namespace ?? ""
  const result: Record<string, string> = {}

  for (const from of container.envFrom ?? []) {
    const source = from.configMapRef
      ? sourceOf("ConfigMap", from.configMapRef)
      : sourceOf("Secret", from.secretRef ?? { name: "" })
    const data = (await read(source)) ?? {}
    for (const [key, value] of Object.entries(data)) {
      const name = `${from.prefix ?? ""}${key}`
      // Only what no process could ever be given is left out.
      if (name !== "" && !name.includes("=") && !name.includes("\0")) result[name] = value
    }
  }

  const lookup = lookupIn(result, serviceVariables)
  for (const variable of container.env ?? []) {
    const value = await variableValue(variable)
    if (value !== undefined) result[variable.name] = value
  }

  async function variableValue(variable: corev1.EnvVar): Promise<string | undefined> {
    const from = variable.valueFrom
    if (variable.value || !from) return expand(variable.value ?? "", lookup)
    if (from.fieldRef) {
      const value = podField(pod, from.fieldRef.fieldPath, input.facts)
      if (value === undefined) throw new ContainerConfigError(`unsupported fieldPath: ${from.fieldRef.fieldPath}`)
      return value
    }
    if (from.resourceFieldRef) return resourceValue(from.resourceFieldRef)
    if (from.configMapKeyRef) return keyValue(sourceOf("ConfigMap", from.configMapKeyRef), from.configMapKeyRef.key)
    if (from.secretKeyRef) return keyValue(sourceOf("Secret", from.secretKeyRef), from.secretKeyRef.key)
    return ""
  }

  function resourceValue(selector: corev1.ResourceFieldSelector): string {
    const name = selector.containerName
    const target = name
      ? [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find((other) => other.name === name)
      : container
    if (!target) throw new ContainerConfigError(`container ${name} not found`)
    const value = containerResource(target, selector, input.allocatable)
    if (value === undefined) throw new ContainerConfigError(`unsupported container resource : ${selector.resource}`)
    return value
  }

  async function keyValue(source: Source, key: string): Promise<string | undefined> {
    const data = await read(source)
    if (data && Object.hasOwn(data, key)) return data[key]
    if (source.optional) return undefined
    throw new ContainerConfigError(`couldn't find key ${key} in ${source.title} ${namespace}/${source.name}`)
  }

  return { ...serviceVariables, ...result }
}
