import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import type { Cluster } from "../support/cluster.ts"

interface Section {
  title: string
  manifests: string
  commands: string[]
  question: string
  /** Lines of the answer, in their order; what stands between them is left out. */
  answer: string[]
}

const page = join(import.meta.dirname, "../../../docs/guides/why.md")

function sections(): Section[] {
  const text = readFileSync(page, "utf8")
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const block = (language: string): string =>
        new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? ""
      const [question = "", ...answer] = block("console").trim().split("\n")
      return {
        title: section.slice(0, section.indexOf("\n")),
        manifests: block("yaml"),
        commands: block("sh").split("\n").filter(Boolean),
        question: question.replace("$ ladya why ", ""),
        answer: answer.map((line) => line.trim()),
      }
    })
}

const plain = (text: string): string => text.replace(/\d+/g, "N").trim()

/** The lines of `answer` that do not stand in `said` in their order. */
function missing(said: string, answer: readonly string[]): string[] {
  const lines = said.split("\n").map(plain)
  let from = 0
  return answer.filter((line) => {
    const at = lines.findIndex((one, index) => index >= from && one.includes(plain(line)))
    if (at >= 0) from = at
    return at < 0
  })
}

/** docs/guides/why.md, run as it stands. */
export function whyTests(cluster: () => Cluster): void {
  describe("why", { concurrency: 4 }, () => {
    before(() => cluster().namespace("why"))
    after(async () => {
      const unfinalized = JSON.stringify({ metadata: { finalizers: null } })
      await cluster().tryKubectl(["-n", "why", "patch", "pod", "kept", "--type=merge", "-p", unfinalized])
      await cluster().k("delete namespace why --wait=false")
    })

    for (const section of sections()) {
      test(`${section.title} (${section.question})`, async () => {
        await cluster().kubectl(["-n", "why", "apply", "-f", "-"], { input: section.manifests })
        for (const command of section.commands) await cluster().k(command.replace("kubectl ", "-n why "))
        let said = ""
        const ask = async (): Promise<boolean> => {
          const asked = ["why", section.question, "-n", "why", "--name", cluster().name]
          const outcome = await cluster().ladya(asked)
          assert.equal(outcome.code, 0, outcome.stderr)
          said = outcome.stdout
          return missing(said, section.answer).length === 0
        }
        await cluster()
          .until("the answer of the guide", ask)
          .catch(() => assert.deepEqual(missing(said, section.answer), [], `it said:\n${said}`))
      })
    }
  })
}
