import { test } from "node:test"
import { openEnvironment } from "./support/environment.ts"
import { loadTests, runTests, summarize, summaryText } from "./support/runner.ts"

test("conformance, by codename, on a cluster of two nodes", async (t) => {
  await loadTests()
  const environment = await openEnvironment({ log: (line) => t.diagnostic(line) })
  try {
    const results = await runTests(environment, { concurrency: 4, onResult: () => undefined })
    for (const { codename, seconds, error } of results) {
      await t.test(`${codename} (${seconds.toFixed(1)} s)`, () => {
        if (error) throw error
      })
    }
    t.diagnostic(summaryText(summarize(results, {})))
  } finally {
    await environment.close()
  }
})
