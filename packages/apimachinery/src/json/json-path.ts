type Step = { kind: "field"; name: string } | { kind: "index"; at: number } | { kind: "all" } | Filter
interface Filter {
  kind: "filter"
  path: readonly Step[]
  operator: "==" | "!="
  value: unknown
}

const field = /^\.((?:\\.|[^.[\]\\])+)/
const quoted = /^\[\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\s*\]/
const index = /^\[\s*(-?\d+)\s*\]/
const all = /^(?:\[\*\]|\.\*)/
const filter = /^\[\?\(\s*@((?:\.[\w-]+)+)\s*(==|!=)\s*("[^"]*"|'[^']*'|-?[\d.]+|true|false)\s*\)\]/

const unescaped = (text: string): string => text.replace(/\\(.)/g, "$1")

function literal(text: string): unknown {
  if (/^['"]/.test(text)) return text.slice(1, -1)
  return text === "true" ? true : text === "false" ? false : Number(text)
}

interface StepParser {
  readonly pattern: RegExp
  make(match: RegExpExecArray): Step
}

const parsers: readonly StepParser[] = [
  { pattern: all, make: () => ({ kind: "all" }) },
  { pattern: field, make: ([, name = ""]) => ({ kind: "field", name: unescaped(name) }) },
  { pattern: quoted, make: ([, single, double]) => ({ kind: "field", name: unescaped(single ?? double ?? "") }) },
  { pattern: index, make: ([, at]) => ({ kind: "index", at: Number(at) }) },
  {
    pattern: filter,
    make: ([, path = "", operator, value = ""]) => ({
      kind: "filter",
      path: parseSteps(path) ?? [],
      operator: operator === "!=" ? "!=" : "==",
      value: literal(value),
    }),
  },
]

/** The steps of a path like `.status.conditions[?(@.type=="Ready")].status`; undefined when it is none. */
function parseSteps(path: string): Step[] | undefined {
  const steps: Step[] = []
  let rest = path
  while (rest !== "" && rest !== ".") {
    const found = parsers.map(({ pattern, make }) => ({ match: pattern.exec(rest), make })).find(({ match }) => match)
    if (!found?.match) return undefined
    steps.push(found.make(found.match))
    rest = rest.slice(found.match[0].length)
  }
  return steps
}

function walk(steps: readonly Step[], value: unknown): unknown[] {
  let values: unknown[] = [value]
  for (const step of steps) values = values.flatMap((one) => take(step, one))
  return values
}

function take(step: Step, value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return []
  switch (step.kind) {
    case "field":
      return Object.hasOwn(value, step.name) ? [(value as Record<string, unknown>)[step.name]] : []
    case "all":
      return Object.values(value)
    case "index": {
      const found: unknown = Array.isArray(value) ? value.at(step.at) : undefined
      return found === undefined ? [] : [found]
    }
    case "filter":
      return (Object.values(value) as unknown[]).filter((item) => {
        const found = walk(step.path, item)
        return step.operator === "==" ? found[0] === step.value : found.length > 0 && found[0] !== step.value
      })
  }
}

/** Compiles a JSON path; gives every value it leads to. Undefined when it is no path that the API knows. */
export function compileJsonPath(path: string): ((value: unknown) => unknown[]) | undefined {
  const text = path.startsWith(".") || path.startsWith("[") ? path : `.${path}`
  const steps = parseSteps(text)
  return steps && ((value) => walk(steps, value))
}
