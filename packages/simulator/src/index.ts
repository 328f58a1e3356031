export { ScenarioError } from "./fields.ts"
export { hasViolations, renderResult, timeText } from "./render.ts"
export { parseScenario, type Scenario } from "./scenario.ts"
export { type SimulateOptions, type SimulationResult, simulate } from "./simulate.ts"
