import { formatLabels } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { containerColumns, nameColumn, text } from "../../../printing/columns.ts"
import { generationStrategy } from "../../../strategy.ts"
import type { Errors } from "../../../validation/checks.ts"
import { checkPodTemplate } from "../../../validation/templates.ts"
import { defaultPodTemplate } from "../pod/defaults.ts"
import { workloadWarnings } from "../pod/warnings/index.ts"

type PodTemplate = corev1.PodTemplate

export const podTemplate: KindBehaviour<PodTemplate> = {
  default(draft) {
    draft.template ??= {}
    defaultPodTemplate(draft.template)
  },
  ...generationStrategy(["template"]),
  validate(next) {
    const errors: Errors = []
    checkPodTemplate(errors, "template", next.template)
    return errors
  },
  warnings: workloadWarnings("template", ({ template }) => template, { named: false }),
  columns: [
    nameColumn,
    ...containerColumns<PodTemplate>(({ template }) => template?.spec).map((column) => ({
      ...column,
      priority: 0 as const,
    })),
    text("Pod Labels", ({ template }) => formatLabels(template?.metadata?.labels)),
  ],
}
