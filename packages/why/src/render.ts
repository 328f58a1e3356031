import { type Finding, type NodeAnswer, subjectText } from "./finding.ts"

const marks = { ok: "ok", waiting: "waiting", stuck: "stuck" } as const
const mostNodes = 20

/** Nodes with the same answer share a line: one screen has to be enough for a thousand nodes. */
function nodeLines(nodes: readonly NodeAnswer[]): string[] {
  const groups = new Map<string, { answer: NodeAnswer; names: string[] }>()
  for (const answer of nodes) {
    const key = `${answer.plugin ?? ""}\n${answer.reasons.join("\n")}`
    const group = groups.get(key)
    if (group) group.names.push(answer.node)
    else groups.set(key, { answer, names: [answer.node] })
  }
  const sorted = [...groups.values()].toSorted((a, b) => b.names.length - a.names.length)
  return sorted.slice(0, mostNodes).flatMap(({ answer, names }) => {
    const shown = names.slice(0, 3).join(", ")
    const who = names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
    if (!answer.plugin) return [`  ${who}: fits`]
    const line = `  ${who}: ${answer.plugin} - ${answer.reasons.join(", ")}`
    return answer.unblock ? [line, `      -> ${answer.unblock}`] : [line]
  })
}

/** One screen of text: the cause first, then what helps, then how it was found. */
export function render(finding: Finding): string {
  const lines = [`${subjectText(finding.subject)} [${marks[finding.state]}]`, `  ${finding.cause}`]
  if (finding.fix.length > 0) lines.push("", "What helps:", ...finding.fix.map((fix) => `  - ${fix}`))
  if (finding.nodes?.length) lines.push("", "Nodes:", ...nodeLines(finding.nodes))
  if (finding.evidence?.length) lines.push("", "The cluster says:", ...finding.evidence.map((text) => `  ${text}`))
  if (finding.chain.length > 1) {
    const links = finding.chain.map(
      ({ subject, says }, depth) => `  ${"  ".repeat(depth)}${subjectText(subject)}: ${says}`,
    )
    lines.push("", "Found by way of:", ...links)
  }
  return lines.join("\n")
}
