import assert from "node:assert/strict"
import { test } from "node:test"
import { commandWords } from "./words.ts"

const cases: { name: string; given: string[]; words: string[] }[] = [
  { name: "several words stay", given: ["echo", "a b"], words: ["echo", "a b"] },
  { name: "one word stays", given: ["true"], words: ["true"] },
  { name: "one text is parted", given: ["sh -c 'echo \"hi\" there'"], words: ["sh", "-c", 'echo "hi" there'] },
  { name: "quotes inside a word", given: ['a --b="c d" e'], words: ["a", "--b=c d", "e"] },
  { name: "escaped quotes", given: ['x "a\\"b"'], words: ["x", 'a"b'] },
]
for (const { name, given, words } of cases) test(name, () => assert.deepEqual(commandWords(given), words))
