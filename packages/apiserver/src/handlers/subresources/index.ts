import type { KindDefinition } from "@ladya/api"
import type { SpecialResource } from "../special.ts"
import { bindingResource } from "./binding.ts"
import { evictionResource } from "./eviction.ts"
import { scaleResource } from "./scale.ts"

/** The subresources that are no plain view of their object, by `group/resource/subresource`. */
export function builtInSubresources(kinds: readonly KindDefinition[]): Map<string, SpecialResource> {
  const found = new Map<string, SpecialResource>([
    ["/bindings", bindingResource],
    ["/pods/binding", bindingResource],
    ["/pods/eviction", evictionResource],
  ])
  for (const kind of kinds) {
    if (kind.subresources.some((entry) => entry.name === "scale")) {
      found.set(`${kind.group}/${kind.resource}/scale`, scaleResource)
    }
  }
  return found
}
