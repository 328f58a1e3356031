import assert from "node:assert/strict"
import { test } from "node:test"
import { parseFieldSelector } from "./field-selector.ts"
import { compileLabelSelector, formatLabelSelector, validateLabelSelector } from "./label-selector.ts"
import { parseLabelSelector } from "./parse.ts"

const forms: [string, string][] = [
  ["a=b", "a=b"],
  ["a==b", "a==b"],
  [" a = b , c != d ", "a=b,c!=d"],
  ["z,a", "a,z"],
  ["!f", "!f"],
  ["e in (y,x)", "e in (x,y)"],
  ["g notin (x)", "g notin (x)"],
  ["in in (in,notin)", "in in (in,notin)"],
  ["a in ()", "a in ()"],
  ["a in (,b)", "a in (,b)"],
  ["a=", "a="],
  ["a>3,b<4", "a>3,b<4"],
  ["example.com/a=b,", ""],
]

test("selectors have one canonical text", () => {
  for (const [text, expected] of forms.slice(0, -1)) {
    assert.equal(parseLabelSelector(text).toString(), expected, text)
    assert.equal(parseLabelSelector(expected).toString(), expected, text)
  }
})

const matches: [string, Record<string, string>, boolean][] = [
  ["a=b", { a: "b" }, true],
  ["a=b", { a: "c" }, false],
  ["a!=b", {}, true],
  ["a", { a: "" }, true],
  ["!a", { a: "" }, false],
  ["a in (x,y)", { a: "y" }, true],
  ["a in (x,y)", {}, false],
  ["a notin (x,y)", {}, true],
  ["a notin (x,y)", { a: "x" }, false],
  ["a>3", { a: "4" }, true],
  ["a>3", { a: "x" }, false],
  ["a<3", { a: "2" }, true],
  ["constructor", {}, false],
  ["a=b,c=d", { a: "b" }, false],
]

test("selectors match labels", () => {
  for (const [text, labels, expected] of matches) {
    assert.equal(parseLabelSelector(text).matches(labels), expected, `${text} ${JSON.stringify(labels)}`)
  }
})

const mistakes: [string, string][] = [
  ["a=b,", "found '', expected: identifier after ','"],
  ["=b", "found '=', expected: !, identifier, or 'end of string'"],
  ["a=b c", "found 'c', expected: ',' or 'end of string'"],
  ["a in x", "unable to parse requirement: found 'x' expected: '('"],
  ["a in (x", "unable to parse requirement: found '', expected: ',' or ')'"],
  ["a ! b", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"],
]

test("mistakes are told in the API's words", () => {
  for (const [text, message] of mistakes) {
    assert.throws(() => parseLabelSelector(text), { message, code: 400 }, text)
  }
  assert.throws(() => parseLabelSelector("a=%"), /values\[0\]\[a\]: Invalid value: "%": a valid label must be/)
  assert.throws(() => parseLabelSelector("a//b=c"), /a qualified name must consist of/)
})

test("LabelSelector objects compile", () => {
  assert.equal(compileLabelSelector(undefined).matches({}), false)
  assert.equal(compileLabelSelector({}).matches({}), true)
  const selector = Object.freeze({
    matchLabels: { app: "web" },
    matchExpressions: [{ key: "tier", operator: "In", values: ["b", "a"] }],
  })
  assert.equal(compileLabelSelector(selector).toString(), "app=web,tier in (a,b)")
  assert.equal(compileLabelSelector(selector), compileLabelSelector(selector))
  assert.equal(formatLabelSelector({}), "<none>")
  assert.throws(() => compileLabelSelector({ matchExpressions: [{ key: "a", operator: "constructor" }] }), {
    message: '"constructor" is not a valid label selector operator',
  })
})

test("LabelSelector objects are checked", () => {
  const errors = validateLabelSelector(
    {
      matchLabels: { "a b": "c" },
      matchExpressions: [
        { key: "a", operator: "In" },
        { key: "a", operator: "Exists", values: ["x"] },
        { key: "a", operator: "Is" },
      ],
    },
    "spec.selector",
  )
  assert.deepEqual(
    errors.map((error) => [error.type, error.field]),
    [
      ["FieldValueInvalid", "spec.selector.matchLabels"],
      ["FieldValueRequired", "spec.selector.matchExpressions[0].values"],
      ["FieldValueForbidden", "spec.selector.matchExpressions[1].values"],
      ["FieldValueInvalid", "spec.selector.matchExpressions[2].operator"],
    ],
  )
})

test("field selectors", () => {
  const selector = parseFieldSelector("status.phase!=Running,metadata.name=a\\,b")
  assert.equal(selector.toString(), "metadata.name=a\\,b,status.phase!=Running")
  assert.equal(selector.required("metadata.name"), "a,b")
  assert.equal(selector.matches({ "metadata.name": "a,b", "status.phase": "Pending" }), true)
  assert.equal(selector.matches({ "metadata.name": "a,b", "status.phase": "Running" }), false)
  assert.equal(parseFieldSelector("spec.nodeName==").matches({}), true)
  assert.throws(() => parseFieldSelector("metadata.name"), {
    message: "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
  })
  assert.throws(() => parseFieldSelector("a=b\\c"), /invalid escape sequence/)
})
