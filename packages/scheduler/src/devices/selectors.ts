import type { resourcev1 } from "@ladya/api"
import {
  boolType,
  type CelMap,
  compile,
  dynType,
  mapOf,
  newQuantityValue,
  newSemverValue,
  objectOf,
  type Program,
  stringType,
} from "@ladya/cel"
import type { KnownDevice } from "./pools.ts"

/** What one expression may cost, as the API allows it. */
const costLimit = 1_000_000
const maxPrograms = 512

const deviceType = objectOf("kubernetes.DRADevice", {
  driver: stringType,
  attributes: mapOf(stringType, mapOf(stringType, dynType)),
  capacity: mapOf(stringType, mapOf(stringType, dynType)),
  allowMultipleAllocations: boolType,
})

const emptyMap: CelMap = { isCelMap: true, size: 0, get: () => undefined, keys: () => [] }

class ValueMap implements CelMap {
  readonly isCelMap = true
  readonly #values: ReadonlyMap<string, unknown>
  readonly #otherwise: unknown

  constructor(values: ReadonlyMap<string, unknown>, otherwise?: unknown) {
    this.#values = values
    this.#otherwise = otherwise
  }

  get size(): number {
    return this.#values.size
  }

  get(key: unknown): unknown {
    return this.#values.get(String(key)) ?? this.#otherwise
  }

  keys(): Iterable<unknown> {
    return this.#values.keys()
  }
}

/** Names without a domain belong to the driver's own. Domains that are not there read as empty maps. */
function byDomain<T>(
  entries: Readonly<Record<string, T>> | undefined,
  driver: string,
  valueFrom: (value: T) => unknown,
): CelMap {
  const domains = new Map<string, Map<string, unknown>>()
  for (const [name, value] of Object.entries(entries ?? {})) {
    const slash = name.indexOf("/")
    const domain = slash < 0 ? driver : name.slice(0, slash)
    const inner = domains.get(domain) ?? new Map<string, unknown>()
    domains.set(domain, inner.set(name.slice(slash + 1), valueFrom(value)))
  }
  return new ValueMap(new Map([...domains].map(([domain, inner]) => [domain, new ValueMap(inner)])), emptyMap)
}

/** The one value of an attribute, for comparisons and expressions. */
export function attributeValue({ bool, int, string, version }: resourcev1.DeviceAttribute): unknown {
  if (string !== undefined) return string
  if (int !== undefined) return BigInt(int)
  if (bool !== undefined) return bool
  return version === undefined ? null : newSemverValue(version)
}

const programs = new Map<string, Program | { error: string }>()

function programOf(expression: string): Program | { error: string } {
  const known = programs.get(expression)
  if (known) return known
  const compiled = compile(expression, { variables: { device: deviceType }, result: [boolType, dynType] })
  const made = compiled.ok ? compiled.program : { error: compiled.error }
  const [oldest] = programs.keys()
  if (programs.size >= maxPrograms && oldest !== undefined) programs.delete(oldest)
  programs.set(expression, made)
  return made
}

/** Whether a device satisfies every expression. Throws an Error that names an expression that fails. */
export function satisfies(
  { device, driver }: KnownDevice,
  selectors: readonly resourcev1.DeviceSelector[] | undefined,
): boolean {
  for (const { cel } of selectors ?? []) {
    const expression = cel?.expression ?? ""
    const program = programOf(expression)
    if ("error" in program) throw new Error(`CEL expression ${JSON.stringify(expression)}: ${program.error}`)
    const fields = new Map<string, unknown>([
      ["driver", driver],
      ["attributes", byDomain(device.attributes, driver, attributeValue)],
      ["capacity", byDomain(device.capacity, driver, ({ value }) => newQuantityValue(value))],
      ["allowMultipleAllocations", device.allowMultipleAllocations ?? false],
    ])
    const value = {
      isCelObject: true as const,
      type: deviceType,
      get: (field: string) => fields.get(field),
      has: (field: string) => fields.has(field),
      toJson: () => device,
    }
    const outcome = program.evaluate({ device: value }, { costLimit })
    if (!outcome.ok) throw new Error(`CEL expression ${JSON.stringify(expression)}: ${outcome.error}`)
    if (outcome.value !== true) return false
  }
  return true
}
