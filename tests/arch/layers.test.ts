import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { test } from "node:test"

const root = join(import.meta.dirname, "../..")
const layers: Record<string, number> = {
  util: 0,
  apimachinery: 1,
  // Above apimachinery, below the kinds, whose expressions it checks.
  cel: 1.5,
  api: 2,
  store: 3,
  client: 3,
  cri: 3,
  apiserver: 4,
  scheduler: 4,
  controllers: 4,
  kubelet: 4,
  network: 4,
  proxy: 4,
  dns: 4,
  why: 4,
  simulator: 5,
  ladya: 6,
}
/** Who alone may import a package, where the layer would let others too. */
const onlyImportedBy: Record<string, string[]> = {
  store: ["apiserver", "simulator", "ladya"],
  cri: ["kubelet", "ladya"],
}

interface Source {
  path: string
  package: string
  text: string
  isTest: boolean
}

function sources(): Source[] {
  const found: Source[] = []
  for (const name of readdirSync(join(root, "packages"))) {
    const base = join(root, "packages", name, "src")
    for (const entry of readdirSync(base, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue
      const path = join(entry.parentPath, entry.name)
      found.push({
        path: relative(root, path),
        package: name,
        text: readFileSync(path, "utf8"),
        isTest: /\.test\.ts$|\/testing\//.test(path),
      })
    }
  }
  return found
}

const all = sources()
const imports = (text: string): string[] =>
  [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] as string)

test("every package has a layer", () => {
  for (const name of readdirSync(join(root, "packages"))) {
    assert.ok(name in layers, `packages/${name} has no layer: give it one here and in ARCHITECTURE.md`)
  }
})

test("imports go down the layers only, so that a change above cannot break what is below", () => {
  const wrong: string[] = []
  for (const source of all) {
    for (const name of imports(source.text)) {
      const target = /^@ladya\/([^/]+)(\/.*)?$/.exec(name)
      if (!target) continue
      const [, to, deep] = target
      if (deep) wrong.push(`${source.path} imports ${name}: a package is entered by its root alone`)
      if (to === source.package) wrong.push(`${source.path} imports its own package by name: use a relative path`)
      if (
        !source.isTest &&
        (layers[to as string] ?? 99) >= (layers[source.package] as number) &&
        to !== source.package
      ) {
        wrong.push(`${source.path} (layer ${layers[source.package]}) imports ${name} (layer ${layers[to as string]})`)
      }
      const allowed = onlyImportedBy[to as string]
      if (!source.isTest && allowed && !allowed.includes(source.package) && to !== source.package) {
        wrong.push(`${source.path} imports ${name}: only ${allowed.join(" and ")} may`)
      }
    }
    for (const name of imports(source.text)) {
      if (name.startsWith(".") && !join(source.path, "..", name).startsWith(`packages/${source.package}/`)) {
        wrong.push(`${source.path} imports ${name}: relative imports stay inside the package`)
      }
    }
  }
  assert.deepEqual(wrong, [])
})

test("api and apimachinery are pure: they run anywhere and can be tested with tables", () => {
  const wrong = all
    .filter((source) => ["api", "apimachinery"].includes(source.package) && !source.isTest)
    .filter((source) => imports(source.text).some((name) => name.startsWith("node:")))
    .map((source) => `${source.path} imports a node: module`)
  assert.deepEqual(wrong, [])
})

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1")
}

const bans: { pattern: RegExp; allowed: string[]; reason: string }[] = [
  {
    pattern:
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\b|(?<![.\w])(?:setTimeout|setInterval)\(|\bperformance\.now\(|node:timers/,
    allowed: ["util"],
    reason: "time and chance come from @ladya/util's Clock and Random, so that a cluster can run on a virtual clock",
  },
  { pattern: /\bconsole\.\w+\(/, allowed: ["util"], reason: "say it through @ladya/util's Logger" },
  {
    pattern: /\bprocess\.(?:argv|env|exit|on|once)\b/,
    allowed: ["ladya"],
    reason: "only the composition root reads argv, the environment or signals; take it as configuration",
  },
]

test("time, chance, console, argv, environment and signals stay where they belong", () => {
  const wrong: string[] = []
  for (const source of all) {
    if (source.isTest) continue
    const text = withoutComments(source.text)
    for (const ban of bans) {
      if (ban.allowed.includes(source.package)) continue
      const match = ban.pattern.exec(text)
      if (match) wrong.push(`${source.path} uses ${match[0]}: ${ban.reason}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test("no import cycles inside a package: each file can be read on its own", () => {
  const graph = new Map<string, string[]>()
  for (const source of all) {
    if (source.isTest) continue
    const text = source.text.replace(/import type[^\n]*\n|export type[^\n]*from[^\n]*\n/g, "")
    graph.set(
      source.path,
      imports(text)
        .filter((name) => name.startsWith("."))
        .map((name) => join(source.path, "..", name)),
    )
  }
  const state = new Map<string, "open" | "done">()
  const cycles: string[] = []
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === "done") return
    if (state.get(path) === "open") {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "))
      return
    }
    state.set(path, "open")
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, "done")
  }
  for (const path of graph.keys()) visit(path, [])
  assert.deepEqual(cycles, [])
})
