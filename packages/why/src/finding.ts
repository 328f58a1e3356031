/** One object of the cluster, as people name it. */
export interface Subject {
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
}

/** How things stand: `ok` needs nobody, `waiting` goes on by itself, `stuck` does not. */
export type State = "ok" | "waiting" | "stuck"

/** One link of the chain from what was asked about down to the cause. */
export interface Link {
  readonly subject: Subject
  readonly says: string
}

/** What one node answers to a pod that looks for a place. */
export interface NodeAnswer {
  readonly node: string
  /** The first scheduler plugin that refuses; absent when the pod fits. */
  readonly plugin?: string
  readonly reasons: readonly string[]
  /** What would make this node take the pod. */
  readonly unblock?: string
}

/** What is the matter, and what helps. */
export interface Cause {
  readonly state: State
  /** One sentence. */
  readonly cause: string
  /** What would help, the best first; each is something a person can do. */
  readonly fix: readonly string[]
  readonly nodes?: readonly NodeAnswer[]
  /** What the cluster itself said lately, word for word. */
  readonly evidence?: readonly string[]
}

/** The answer to one question: the cause at the top, and how it was found. */
export interface Finding extends Cause {
  readonly subject: Subject
  /** From the subject down to where the cause is. */
  readonly chain: readonly Link[]
}

/** `pod default/web-0`. */
export function subjectText({ kind, namespace, name }: Subject): string {
  return `${kind} ${namespace ? `${namespace}/` : ""}${name}`
}

/** A finding about something below, told from one link further up. */
export function below(subject: Subject, says: string, found: Finding): Finding {
  return { ...found, subject, chain: [{ subject, says }, ...found.chain] }
}

/** A finding whose cause lies with the subject itself. */
export function here(subject: Subject, says: string, cause: Cause): Finding {
  return { ...cause, subject, chain: [{ subject, says }] }
}

/** It goes on by itself. */
export const waiting = (cause: string, ...fix: string[]): Cause => ({ state: "waiting", cause, fix })

export const healthy = (cause: string): Cause => ({ state: "ok", cause, fix: [] })
