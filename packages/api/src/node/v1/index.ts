import { isDns1123Label, validateLabels } from "@ladya/apimachinery"
import { checkTolerations } from "../../core/v1/pod/validation-scheduling.ts"
import type * as nodev1 from "../../generated/types/nodev1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { checkImmutable, checkTexts, type Errors } from "../../validation/checks.ts"
import { checkContainerResources } from "../../validation/resources.ts"

export const runtimeClass: KindBehaviour<nodev1.RuntimeClass> = {
  validate(next, previous) {
    const errors: Errors = []
    checkTexts(errors, "handler", next.handler ?? "", isDns1123Label(next.handler ?? ""))
    if (next.overhead?.podFixed)
      checkContainerResources(errors, "overhead.podFixed", { limits: next.overhead.podFixed })
    errors.push(...validateLabels(next.scheduling?.nodeSelector, "scheduling.nodeSelector"))
    checkTolerations(errors, "scheduling.tolerations", next.scheduling?.tolerations)
    if (previous) checkImmutable(errors, "handler", next.handler, previous.handler)
    return errors
  },
  columns: [nameColumn, text("Handler", ({ handler }) => handler), ageColumn],
}
