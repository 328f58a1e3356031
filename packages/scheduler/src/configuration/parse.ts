import { type FieldError, fieldError, fieldErrorText } from "@ladya/apimachinery"
import { parse } from "yaml"
import { plugins as builtIn } from "../plugins/registry.ts"
import {
  defaultConfiguration,
  type ExtenderConfig,
  extensionPoints,
  type PluginChoice,
  type PluginSet,
  type Profile,
  type SchedulerConfiguration,
} from "./configuration.ts"

type Fields = Readonly<Record<string, unknown>>

/** Every wrong field of a configuration. */
export class SchedulerConfigurationError extends Error {
  override name = "SchedulerConfigurationError"
}

const apiVersion = "kubescheduler.config.k8s.io/v1"
const kind = "KubeSchedulerConfiguration"
/** Not in the list of plugins because it needs more than a plugin's handle. */
const ownPlugins = ["DefaultPreemption"]

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

class Reader {
  readonly errors: FieldError[] = []

  fields(value: unknown, path: string): Fields {
    if (value === undefined || value === null) return {}
    if (isFields(value)) return value
    this.errors.push(fieldError.invalid(path, value, "must be a map"))
    return {}
  }

  list(value: unknown, path: string): unknown[] {
    if (value === undefined || value === null) return []
    if (Array.isArray(value)) return value
    this.errors.push(fieldError.invalid(path, value, "must be a list"))
    return []
  }

  number(value: unknown, path: string, range: readonly [number, number]): number | undefined {
    if (value === undefined || value === null) return undefined
    const [least, most] = range
    if (typeof value === "number" && value >= least && value <= most) return value
    this.errors.push(fieldError.invalid(path, value, `must be a number from ${least} to ${most}`))
    return undefined
  }

  text(value: unknown, path: string): string {
    if (value === undefined || value === null) return ""
    if (typeof value === "string") return value
    this.errors.push(fieldError.invalid(path, value, "must be a string"))
    return ""
  }
}

/** Reads a configuration file (YAML or JSON). Throws SchedulerConfigurationError naming every wrong field. */
export function parseSchedulerConfiguration(text: string): SchedulerConfiguration {
  const reader = new Reader()
  const root = reader.fields(parseYaml(text), "")
  if (root["apiVersion"] !== apiVersion)
    reader.errors.push(fieldError.notSupported("apiVersion", root["apiVersion"] ?? "", [apiVersion]))
  if (root["kind"] !== kind) reader.errors.push(fieldError.notSupported("kind", root["kind"] ?? "", [kind]))
  const seconds = (field: string): number | undefined => {
    const value = reader.number(root[field], field, [1, 86_400])
    return value === undefined ? undefined : value * 1000
  }
  const percentage = reader.number(root["percentageOfNodesToScore"], "percentageOfNodesToScore", [0, 100])
  const [initial, most] = [seconds("podInitialBackoffSeconds"), seconds("podMaxBackoffSeconds")]
  if (initial !== undefined && most !== undefined && most < initial) {
    reader.errors.push(
      fieldError.invalid(
        "podMaxBackoffSeconds",
        most / 1000,
        "must be greater than or equal to podInitialBackoffSeconds",
      ),
    )
  }
  const profiles = reader
    .list(root["profiles"], "profiles")
    .map((value, index) => profile(reader, value, `profiles[${index}]`))
  checkNames(reader, profiles)
  const extenders = reader
    .list(root["extenders"], "extenders")
    .map((value, index) => extender(reader, value, `extenders[${index}]`))
  if (extenders.filter(({ bindVerb }) => bindVerb).length > 1) {
    reader.errors.push(fieldError.invalid("extenders", extenders.length, "only one extender can implement bind"))
  }
  if (reader.errors.length > 0) throw new SchedulerConfigurationError(reader.errors.map(fieldErrorText).join("; "))
  return {
    common: {
      ...(percentage === undefined ? {} : { percentageOfNodesToScore: percentage }),
      ...(initial === undefined ? {} : { podInitialBackoffMs: initial }),
      ...(most === undefined ? {} : { podMaxBackoffMs: most }),
    },
    profiles: profiles.length > 0 ? profiles : defaultConfiguration.profiles,
    extenders,
  }
}

function parseYaml(text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new SchedulerConfigurationError(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error))
  }
}

function checkNames(reader: Reader, profiles: readonly Profile[]): void {
  const names = new Set<string>()
  for (const [index, { schedulerName }] of profiles.entries()) {
    if (names.has(schedulerName))
      reader.errors.push(fieldError.duplicate(`profiles[${index}].schedulerName`, schedulerName))
    names.add(schedulerName)
  }
}

function profile(reader: Reader, value: unknown, path: string): Profile {
  const fields = reader.fields(value, path)
  const plugins = reader.fields(fields["plugins"], `${path}.plugins`)
  const sets = [...extensionPoints, "multiPoint" as const].flatMap((point) =>
    plugins[point] === undefined
      ? []
      : [[point, pluginSet(reader, plugins[point], `${path}.plugins.${point}`)] as const],
  )
  for (const point of Object.keys(plugins)) {
    if (![...extensionPoints, "multiPoint"].includes(point as never)) {
      reader.errors.push(fieldError.notSupported(`${path}.plugins`, point, [...extensionPoints, "multiPoint"]))
    }
  }
  const args = reader.list(fields["pluginConfig"], `${path}.pluginConfig`).map((one, index) => {
    const at = `${path}.pluginConfig[${index}]`
    const { name, args: given } = reader.fields(one, at)
    checkPluginName(reader, reader.text(name, `${at}.name`), `${at}.name`)
    return [reader.text(name, `${at}.name`), reader.fields(given, `${at}.args`)] as const
  })
  const percentage = reader.number(fields["percentageOfNodesToScore"], `${path}.percentageOfNodesToScore`, [0, 100])
  return {
    schedulerName: reader.text(fields["schedulerName"], `${path}.schedulerName`) || "default-scheduler",
    plugins: Object.fromEntries(sets),
    args: Object.fromEntries(args),
    ...(percentage === undefined ? {} : { percentageOfNodesToScore: percentage }),
  }
}

function checkPluginName(reader: Reader, name: string, path: string): void {
  const known = [...builtIn.map((plugin) => plugin.name), ...ownPlugins]
  if (!known.includes(name)) reader.errors.push(fieldError.notSupported(path, name, known))
}

function pluginSet(reader: Reader, value: unknown, path: string): PluginSet {
  const fields = reader.fields(value, path)
  const enabled = reader.list(fields["enabled"], `${path}.enabled`).map((one, index): PluginChoice => {
    const at = `${path}.enabled[${index}]`
    const { name, weight } = reader.fields(one, at)
    const text = reader.text(name, `${at}.name`)
    checkPluginName(reader, text, `${at}.name`)
    const number = reader.number(weight, `${at}.weight`, [1, 1_000_000])
    return { name: text, ...(number === undefined ? {} : { weight: number }) }
  })
  const disabled = reader.list(fields["disabled"], `${path}.disabled`).map((one, index) => {
    const at = `${path}.disabled[${index}].name`
    const name = reader.text(reader.fields(one, `${path}.disabled[${index}]`)["name"], at)
    if (name !== "*") checkPluginName(reader, name, at)
    return name
  })
  return { enabled, disabled }
}

function extender(reader: Reader, value: unknown, path: string): ExtenderConfig {
  const fields = reader.fields(value, path)
  const text = (field: string): string => reader.text(fields[field], `${path}.${field}`)
  const urlPrefix = text("urlPrefix")
  if (!/^https?:\/\//.test(urlPrefix)) {
    reader.errors.push(fieldError.invalid(`${path}.urlPrefix`, urlPrefix, "must be an http or https URL"))
  }
  const weight = reader.number(fields["weight"], `${path}.weight`, [1, 1_000_000])
  if (text("prioritizeVerb") && weight === undefined) {
    reader.errors.push(
      fieldError.invalid(`${path}.weight`, fields["weight"] ?? 0, "must have a positive weight applied to it"),
    )
  }
  const tls = reader.fields(fields["tlsConfig"], `${path}.tlsConfig`)
  const decoded = (field: string): string =>
    Buffer.from(reader.text(tls[field], `${path}.tlsConfig.${field}`), "base64").toString()
  return {
    urlPrefix: urlPrefix.replace(/\/+$/, ""),
    filterVerb: text("filterVerb"),
    prioritizeVerb: text("prioritizeVerb"),
    bindVerb: text("bindVerb"),
    weight: weight ?? 1,
    timeoutMs: durationMs(reader, fields["httpTimeout"], `${path}.httpTimeout`) ?? 5000,
    nodeCacheCapable: fields["nodeCacheCapable"] === true,
    ignorable: fields["ignorable"] === true,
    managedResources: reader.list(fields["managedResources"], `${path}.managedResources`).map((one, index) => {
      const { name, ignoredByScheduler } = reader.fields(one, `${path}.managedResources[${index}]`)
      return {
        name: reader.text(name, `${path}.managedResources[${index}].name`),
        ignoredByScheduler: ignoredByScheduler === true,
      }
    }),
    tls: {
      insecure: tls["insecure"] === true,
      ...(tls["serverName"] ? { serverName: reader.text(tls["serverName"], `${path}.tlsConfig.serverName`) } : {}),
      ...(tls["caData"] ? { ca: decoded("caData") } : {}),
      ...(tls["certData"] ? { cert: decoded("certData") } : {}),
      ...(tls["keyData"] ? { key: decoded("keyData") } : {}),
    },
  }
}

/** `5s`, `500ms` or `1m`. */
function durationMs(reader: Reader, value: unknown, path: string): number | undefined {
  if (value === undefined) return undefined
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(String(value))
  if (!match) {
    reader.errors.push(fieldError.invalid(path, value, "must be a duration, such as 5s"))
    return undefined
  }
  return Number(match[1]) * (match[2] === "ms" ? 1 : match[2] === "s" ? 1000 : 60_000)
}
