import { readFile } from "node:fs/promises"
import { Command } from "commander"
import { LadyaError } from "../../errors.ts"
import { outputOption, parseCount } from "../options.ts"
import { print } from "../output.ts"

interface Options {
  seed?: number
  seeds?: number
  output?: string
}

export function newSimulateCommand(): Command {
  return new Command("simulate")
    .description("run a scenario on the real control plane, a virtual clock and machines without containers")
    .argument("<file>", "the scenario (YAML); examples/simulations has some")
    .option("--seed <number>", "instead of the scenario's own", parseCount)
    .option("--seeds <count>", "run so many seeds one after another, and show only what was violated", parseCount)
    .addOption(outputOption())
    .addHelpText("after", "\nThe same seed gives the same result. The exit code is 1 when an invariant was violated.")
    .action(async (file: string, options: Options) => {
      const { hasViolations, parseScenario, renderResult, ScenarioError, simulate } = await import("@ladya/simulator")
      const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
        throw new LadyaError(`cannot read ${file}: ${error.code ?? error.message}`, {
          hint: "name a scenario file",
          exitCode: 2,
        })
      })
      const read = (): ReturnType<typeof parseScenario> => {
        try {
          return parseScenario(text)
        } catch (error) {
          if (!(error instanceof ScenarioError)) throw error
          throw new LadyaError(`${file}: ${error.message}`, {
            hint: "examples/simulations shows every field",
            exitCode: 2,
          })
        }
      }
      const scenario = read()
      const first = options.seed ?? scenario.seed
      const count = options.seeds ?? 1
      let violated = 0
      for (let seed = first; seed < first + count; seed++) {
        const result = await simulate(scenario, { seed })
        if (hasViolations(result)) violated++
        if (options.output === "json") print(JSON.stringify(result))
        else if (count === 1 || hasViolations(result)) print(renderResult(result, { timeline: true }))
      }
      if (count > 1 && options.output !== "json") print(`${count} seeds from ${first}: ${violated} with violations`)
      if (violated > 0) process.exitCode = 1
    })
}
