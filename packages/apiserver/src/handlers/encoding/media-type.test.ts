import assert from "node:assert/strict"
import { test } from "node:test"
import { bodyType, type NegotiationOptions, negotiate, wantsPretty } from "./media-type.ts"

const protobuf = "application/vnd.kubernetes.protobuf"
const table = ";as=Table;g=meta.k8s.io;v=v1"
const metadata = ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

const cases: readonly { name: string; accept: string | undefined; options?: NegotiationOptions; expected: string }[] = [
  { name: "nothing", accept: undefined, expected: "json" },
  { name: "an empty header", accept: "", expected: "json" },
  { name: "anything", accept: "*/*", expected: "json" },
  { name: "anything of a kind", accept: "application/*", expected: "json" },
  { name: "protobuf before JSON", accept: `${protobuf},application/json`, expected: "protobuf" },
  { name: "the more wanted", accept: `${protobuf};q=0.5, application/yaml;q=0.8`, expected: "yaml" },
  { name: "the more exact of two as wanted", accept: `*/*, ${protobuf}`, expected: "protobuf" },
  { name: "what nobody has is skipped", accept: `application/cbor, text/html, ${protobuf}`, expected: "protobuf" },
  { name: "what is refused is no choice", accept: `${protobuf};q=0, application/json;q=0.1`, expected: "json" },
  { name: "unknown parameters say nothing", accept: "application/json;charset=utf-8;odata=x", expected: "json" },
  { name: "capitals", accept: "Application/JSON", expected: "json" },
  { name: "a table", accept: `application/json${table}, application/json`, expected: "json Table v1" },
  { name: "an old table", accept: "application/json;as=Table;g=meta.k8s.io;v=v1beta1", expected: "json Table v1beta1" },
  {
    name: "tables are not for the wire",
    accept: `${protobuf}${table},application/json${table}`,
    expected: "json Table v1",
  },
  {
    name: "no table of a review",
    accept: `application/json${table},application/yaml`,
    options: { hasTables: false },
    expected: "yaml",
  },
  { name: "metadata", accept: `${protobuf}${metadata}`, expected: "protobuf PartialObjectMetadata v1" },
  {
    name: "a turn into the unknown is skipped",
    accept: `application/json;as=Chair;g=meta.k8s.io;v=v1,${protobuf}`,
    expected: "protobuf",
  },
  {
    name: "a turn without a version is skipped",
    accept: "application/json;as=Table;g=meta.k8s.io,application/yaml",
    expected: "yaml",
  },
  { name: "a group alone is skipped", accept: "application/json;g=meta.k8s.io,application/yaml", expected: "yaml" },
  { name: "custom objects", accept: `${protobuf},application/json`, options: { isCustom: true }, expected: "json" },
  {
    name: "metadata of custom objects",
    accept: `${protobuf}${metadata}`,
    options: { isCustom: true },
    expected: "protobuf PartialObjectMetadata v1",
  },
  {
    name: "errors are not turned",
    accept: `application/json${table},${protobuf}`,
    options: { isFixed: true },
    expected: "protobuf",
  },
  { name: "a stream", accept: `${protobuf};stream=watch`, options: { isWatch: true }, expected: "protobuf" },
  { name: "another stream is skipped", accept: `${protobuf};stream=x,application/json`, expected: "json" },
  { name: "pretty as a parameter", accept: "application/json;pretty=1", expected: "json pretty" },
]

for (const { name, accept, options, expected } of cases) {
  test(`accept ${name}`, () => {
    const { format, as, version, isPretty } = negotiate(accept, options)
    assert.equal([format, ...(as ? [as, version] : []), ...(isPretty ? ["pretty"] : [])].join(" "), expected)
  })
}

test("what cannot be had is 406, with what can", () => {
  const refused = (
    accept: string,
    options?: NegotiationOptions,
    types = "application/json, application/yaml, application/vnd.kubernetes.protobuf",
  ): void =>
    assert.throws(() => negotiate(accept, options), {
      code: 406,
      message: `only the following media types are accepted: ${types}`,
    })
  refused("application/cbor")
  refused(`${protobuf}${table}`)
  refused(protobuf, { isCustom: true })
  const streams = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
  refused("application/yaml, application/json", { isWatch: true }, streams)
  refused("text/html", { isWatch: true }, streams)
})

test("bodies", () => {
  assert.equal(bodyType(undefined), "json")
  assert.equal(bodyType("application/json; charset=utf-8"), "json")
  assert.equal(bodyType("application/x-yaml"), "yaml")
  assert.equal(bodyType(protobuf), "protobuf")
  assert.throws(() => bodyType("application/cbor"), {
    code: 415,
    message:
      "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  })
})

test("people get what they can read", () => {
  const query = (text: string): URLSearchParams => new URLSearchParams(text)
  assert.equal(wantsPretty(query(""), "curl/8.5.0"), true)
  assert.equal(wantsPretty(query("pretty=false"), "curl/8.5.0"), false)
  assert.equal(wantsPretty(query("pretty=true"), "kubectl/v1.35"), true)
  assert.equal(wantsPretty(query("pretty=yes"), "kubectl/v1.35"), false)
  assert.equal(wantsPretty(query(""), undefined), false)
})
