export { explain, parseQuestion, type Question, QuestionError, topics } from "./explain.ts"
export {
  type Cause,
  type Finding,
  type Link,
  type NodeAnswer,
  type State,
  type Subject,
  subjectText,
} from "./finding.ts"
export { render } from "./render.ts"
export type { LogTail, PlacementOf, ViewDeps } from "./view.ts"
