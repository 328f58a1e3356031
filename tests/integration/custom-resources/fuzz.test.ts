import assert from "node:assert/strict"
import { test } from "node:test"
import { compile, dynType } from "@ladya/cel"
import { newRandom } from "@ladya/util"
import { definitionOf, definitionsPath, type Json, serve, tab, tabs } from "./definitions.ts"

const seed = Number(process.env["FUZZ_SEED"] ?? 7)
const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 300)

const odd: readonly unknown[] = [
  null,
  "",
  "x",
  0,
  -1,
  1e308,
  true,
  [],
  {},
  [null],
  [[]],
  { a: null },
  ["__proto__"],
  "\u200b",
  ".",
]

/** A copy with one place of it replaced, removed or repeated. */
function mutated(value: Json, random: () => number): Json {
  const copy = structuredClone(value)
  const places: [holder: Json, key: string][] = []
  const collect = (inner: Json): void => {
    if (typeof inner !== "object" || inner === null) return
    for (const key of Object.keys(inner)) {
      places.push([inner, key])
      collect(inner[key])
    }
  }
  collect(copy)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  for (let count = 1 + Math.floor(random() * 2); count > 0; count--) {
    const [holder, key] = pick(places)
    const what = random()
    if (what < 0.7) holder[key] = structuredClone(pick(odd))
    else if (what < 0.85) delete holder[key]
    else holder[key] = structuredClone(pick(places)[0])
  }
  return copy
}

const rich = {
  properties: {
    spec: {
      type: "object",
      required: ["a"],
      "x-kubernetes-validations": [
        { rule: "self.a != 'x' || has(self.l)", message: "m", reason: "FieldValueInvalid", fieldPath: ".a" },
        { rule: "self.a == oldSelf.orValue(self).a", optionalOldSelf: true, messageExpression: "'was ' + self.a" },
      ],
      properties: {
        a: { type: "string", maxLength: 10, pattern: "^[a-z]+$", default: "d", enum: ["d", "x"] },
        p: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
        t: { type: "string", format: "date-time", nullable: true },
        e: { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
        m: { type: "object", maxProperties: 4, additionalProperties: { type: "integer", minimum: 1 } },
        l: {
          type: "array",
          maxItems: 5,
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["k"],
          "x-kubernetes-validations": [{ rule: "self.all(i, i.k.size() < 9)" }],
          items: { type: "object", required: ["k"], properties: { k: { type: "string", maxLength: 20 } } },
        },
      },
    },
    status: { type: "object", properties: { n: { type: "integer" } } },
  },
}
const more = {
  subresources: { status: {}, scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" } },
  additionalPrinterColumns: [{ name: "A", type: "string", jsonPath: ".spec.a" }],
  selectableFields: [{ jsonPath: ".spec.a" }],
}

test(`definitions and objects of any shape are answered, seed ${seed}`, async (t) => {
  const { http } = await serve(t, definitionOf(structuredClone(rich), more))
  const random = newRandom(seed)
  const next = random
  const definition = definitionOf(structuredClone(rich), more)
  definition.metadata.name = "gizmos.example.com"
  definition.spec.names = { plural: "gizmos", kind: "Gizmo" }
  const clientConfig = { service: { namespace: "n", name: "s", path: "/p", port: 443 }, caBundle: "eA==" }
  definition.spec.conversion = { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } }
  const object = tab("o", {
    spec: { a: "x", p: 1, t: "2024-01-01T00:00:00Z", e: { apiVersion: "v1", kind: "K" }, m: { x: 1 }, l: [{ k: "k" }] },
  })
  assert.equal((await http("POST", `${tabs()}?dryRun=All`, { body: object })).status, 201)
  await http("POST", tabs(), { body: object })
  for (let round = 0; round < rounds; round++) {
    const tried: [method: string, path: string, body: Json][] = [
      ["POST", `${definitionsPath}?dryRun=All`, mutated(definition, next)],
      ["POST", `${tabs()}?dryRun=All`, mutated({ ...object, metadata: { name: "fresh" } }, next)],
      ["PUT", `${tabs("v1", "o")}?dryRun=All`, mutated(object, next)],
    ]
    for (const [method, path, body] of tried) {
      const answer = await http(method, path, { body })
      assert.ok(answer.status < 500, `${method} ${path} ${JSON.stringify(body)}\n${answer.text}`)
    }
  }
})

const tokens =
  "self oldSelf . ?. [ ] ( ) { } , : ? && || ! == != < >= + - * / % in 1 2u 1.5 'a' \"b\" b'c' r'\\d' true null has all exists map filter x y size matches optional.of orValue cel.bind type int Object Object.spec quantity format.dns1123Label validate [? {? // \n".split(
    " ",
  )

test(`expressions of any tokens compile or are told, seed ${seed}`, () => {
  const random = newRandom(seed)
  for (let round = 0; round < rounds * 20; round++) {
    const length = 1 + Math.floor(random() * 12)
    const text = Array.from({ length }, () => tokens[Math.floor(random() * tokens.length)]).join(
      random() < 0.5 ? " " : "",
    )
    const compiled = compile(text, { variables: { self: dynType, oldSelf: dynType } })
    if (compiled.ok) {
      void compiled.program.estimatedCost
      compiled.program.evaluate({ self: { a: [1, "x", null], x: { y: 1 } }, oldSelf: [1, 2] }, { costLimit: 10_000 })
    } else assert.ok(compiled.error, text)
  }
})
