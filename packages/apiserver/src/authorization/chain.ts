import type { Authorizer, Decision } from "./authorizer.ts"

/** Members of this group may do everything. */
export const mastersGroup = "system:masters"

/** Allows the group `system:masters` everything. */
export const mastersAuthorizer: Authorizer = {
  name: "SystemMasters",
  authorize: ({ user }) => ({ allowed: user.groups.includes(mastersGroup), reason: "" }),
}

/** Asks authorizers in order; the first that allows or denies decides. Reasons of those that did not are joined. */
export function newAuthorizerChain(authorizers: readonly Authorizer[]): Authorizer {
  return {
    name: "Chain",
    async authorize(attributes) {
      const reasons: string[] = []
      for (const authorizer of authorizers) {
        const pending = authorizer.authorize(attributes)
        const decision = pending instanceof Promise ? await pending : pending
        if (decision.allowed || decision.denied) return decision
        if (decision.reason) reasons.push(decision.reason)
      }
      return { allowed: false, reason: reasons.join("\n") } satisfies Decision
    },
  }
}
