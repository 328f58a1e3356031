/**
 * Runs the conformance suite and prints what passed and failed, by codename.
 * Usage: npm run test:conformance -- [--sig a,b] [--name REGEXP] [--kubeconfig FILE | --cluster NAME] [--image NAME] ...
 */
import { parseArgs } from "node:util"
import { openEnvironment } from "./support/environment.ts"
import { codenames, registeredTests, sigOf } from "./support/registry.ts"
import { loadTests, runTests, type Selection, summarize, summaryText, type TestResult } from "./support/runner.ts"

const { values } = parseArgs({
  options: {
    sig: { type: "string" },
    name: { type: "string" },
    kubeconfig: { type: "string" },
    cluster: { type: "string" },
    image: { type: "string" },
    concurrency: { type: "string", default: "4" },
    keep: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
})
const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const selection: Selection = {
  ...(values.sig ? { sigs: values.sig.split(",").map((sig) => sig.replace(/^sig-/, "")) } : {}),
  ...(values.name ? { name: new RegExp(values.name) } : {}),
}
const unknown = selection.sigs?.filter((sig) => !codenames.some((codename) => sigOf(codename) === sig)) ?? []
if (unknown.length > 0) {
  print(`there is no sig ${unknown.join(", ")}; there are ${[...new Set(codenames.map(sigOf))].join(", ")}`)
  process.exit(2)
}

const show = ({ codename, seconds, error }: TestResult): void => {
  print(`${error ? "FAILED" : "passed"} ${seconds.toFixed(1).padStart(6)} s  ${codename}`)
  if (error) print((error.stack ?? error.message).replace(/^/gm, "         "))
}

await loadTests()
if (values.list) {
  const written = new Set(registeredTests().map((one) => one.codename))
  for (const codename of codenames) {
    if (selection.sigs && !selection.sigs.includes(sigOf(codename))) continue
    if (selection.name && !selection.name.test(codename)) continue
    print(`${written.has(codename) ? "written " : "missing "} ${codename}`)
  }
  process.exit(0)
}
const environment = await openEnvironment({
  ...(values.kubeconfig ? { kubeconfig: values.kubeconfig } : {}),
  ...(values.cluster ? { cluster: values.cluster } : {}),
  ...(values.image ? { image: values.image } : {}),
  keep: values.keep,
  log: print,
})
// What was started for the run is not left behind.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void environment.close().finally(() => process.exit(130)))
}
let results: TestResult[] = []
try {
  results = await runTests(environment, { ...selection, concurrency: Number(values.concurrency), onResult: show })
} finally {
  await environment.close()
}
print("")
for (const { codename, error } of results) if (error) print(`failed: ${codename}`)
print(summaryText(summarize(results, selection)))
process.exitCode = results.length === 0 || results.some((result) => result.error) ? 1 : 0
