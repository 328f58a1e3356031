import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import type { Command } from "commander"
import { parseHostPort } from "./options.ts"
import { allCommands, newProgram } from "./program.ts"

const root = join(import.meta.dirname, "../../../..")
const commands = allCommands(newProgram())

test("every command and every option says what it is for", () => {
  for (const command of commands) {
    assert.notEqual(command.description(), "", command.name())
    for (const option of command.options)
      assert.notEqual(option.description ?? "", "", `${command.name()} ${option.flags}`)
    assert.match(command.helpInformation(), /Usage: /)
  }
})

/** The command that the words of a line lead to, and the words that are left. */
function walk(words: readonly string[]): { command: Command; rest: readonly string[] } {
  let command = commands[0] as Command
  let rest = words
  for (;;) {
    const next = command.commands.find((one) => one.name() === rest[0])
    if (!next) return { command, rest }
    command = next
    rest = rest.slice(1)
  }
}

const documents = [
  "README.md",
  "examples/guestbook/README.md",
  ...readdirSync(join(root, "docs/guides")).map((name) => `docs/guides/${name}`),
]

for (const document of documents) {
  test(`${document} shows commands and options that there are`, () => {
    const text = readFileSync(join(root, document), "utf8").replaceAll("\\\n", " ")
    for (const match of text.matchAll(/(?:^|`|\s)(?:\.\/)?ladya ((?:[a-z]|--)[^`\n#|)]*)/gm)) {
      const words = (match[1] ?? "").trim().split(/\s+/)
      const { command, rest } = walk(words)
      // Prose like "ladya is" is no command line.
      if (command === commands[0] && !rest[0]?.startsWith("--")) {
        assert.ok(!/^(up|down|image|server|agent|status|kube)/.test(rest[0] ?? ""), match[0])
        continue
      }
      for (const word of rest.slice(0, rest.indexOf("--") < 0 ? undefined : rest.indexOf("--"))) {
        if (!word.startsWith("--")) continue
        const known = [...command.options, { long: "--help" }, { long: "--version" }].map(({ long }) => long)
        assert.ok(known.includes(word), `${match[0].trim()}: ${command.name()} has no ${word}`)
      }
    }
  })
}

const addresses: { text: string; host?: string; port?: number }[] = [
  { text: "127.0.0.1:6443", host: "127.0.0.1", port: 6443 },
  { text: ":6443", host: "0.0.0.0", port: 6443 },
  { text: "[::1]:1", host: "::1", port: 1 },
  { text: "example.org:443", host: "example.org", port: 443 },
  { text: "6443" },
  { text: "::1:6443" },
  { text: "host:70000" },
]
for (const { text, host, port } of addresses) {
  test(`--listen ${text}`, () => {
    if (host === undefined) assert.throws(() => parseHostPort(text), /HOST:PORT/)
    else assert.deepEqual(parseHostPort(text), { host, port })
  })
}
