/**
 * What a plugin says. Verdicts are values: a plugin that throws has a bug, and the pod is tried again later.
 * - `skip`: this plugin has nothing to say about this pod here (PreFilter, PreScore), or leaves it to the next (Bind).
 * - `unschedulable`: not now; taking pods away might help.
 * - `unresolvable`: not now, and taking pods away would not help.
 * - `wait`: Permit holds the pod back until it is allowed or `timeoutMs` has passed.
 */
export type Verdict =
  | { readonly code: "ok" }
  | { readonly code: "skip" }
  | Refusal
  | { readonly code: "wait"; readonly timeoutMs: number }

export interface Refusal {
  readonly code: "unschedulable" | "unresolvable"
  /** For people, as they are counted over nodes: `Insufficient cpu`. */
  readonly reasons: readonly string[]
}

export const ok: Verdict = Object.freeze({ code: "ok" })
export const skip: Verdict = Object.freeze({ code: "skip" })

/** A refusal that fewer pods on the node might undo. */
export function unschedulable(...reasons: string[]): Refusal {
  return { code: "unschedulable", reasons }
}

/** A refusal that fewer pods would not undo. */
export function unresolvable(...reasons: string[]): Refusal {
  return { code: "unresolvable", reasons }
}

export function isRefusal(verdict: Verdict): verdict is Refusal {
  return verdict.code === "unschedulable" || verdict.code === "unresolvable"
}
