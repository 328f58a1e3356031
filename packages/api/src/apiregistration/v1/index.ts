import {
  fieldError,
  findCondition,
  isDns1035Label,
  isDns1123Subdomain,
  isPathSegmentName,
  isPortNumber,
} from "@ladya/apimachinery"
import type * as apiregistrationv1 from "../../generated/types/apiregistrationv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { keepField } from "../../strategy.ts"
import { checkRequired, checkTexts, type Errors } from "../../validation/checks.ts"

type APIService = apiregistrationv1.APIService

function checkPriority(errors: Errors, path: string, value: number, max: number): void {
  if (value > 0 && value <= max) return
  errors.push(fieldError.invalid(path, value, `must be positive and less than ${max === 20000 ? "20k" : max}`))
}

export const apiService: KindBehaviour<APIService> = {
  // The core group has no name: its APIService is `v1.`.
  validateName: isPathSegmentName,
  default(draft) {
    if (draft.spec?.service) draft.spec.service.port ??= 443
    draft.status ??= {}
  },
  prepareForCreate(draft) {
    draft.status = {}
    // What the server serves itself is there at once.
    if (!draft.spec?.service) {
      const { creationTimestamp } = draft.metadata
      draft.status.conditions = [
        {
          ...(creationTimestamp ? { lastTransitionTime: creationTimestamp } : {}),
          message: "Local APIServices are always available",
          reason: "Local",
          status: "True",
          type: "Available",
        },
      ]
    }
  },
  prepareForUpdate: (draft, previous) => keepField(draft, previous, "status"),
  prepareForStatusUpdate: (draft, previous) => keepField(draft, previous, "spec"),
  validate({ metadata, spec }) {
    const errors: Errors = []
    const { group = "", version = "", service, caBundle, insecureSkipTLSVerify } = spec ?? {}
    if (metadata.name !== `${version}.${group}`) {
      errors.push(
        fieldError.invalid(
          "metadata.name",
          metadata.name,
          `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(`${version}.${group}`)}`,
        ),
      )
    }
    if (group === "" && version !== "v1") {
      const detail = "only v1 may have an empty group and it better be legacy kube"
      errors.push(fieldError.required("spec.group", detail))
    }
    if (group !== "") checkTexts(errors, "spec.group", group, isDns1123Subdomain(group))
    checkTexts(errors, "spec.version", version, isDns1035Label(version))
    checkPriority(errors, "spec.groupPriorityMinimum", spec?.groupPriorityMinimum ?? 0, 20000)
    checkPriority(errors, "spec.versionPriority", spec?.versionPriority ?? 0, 1000)
    if (!service) {
      if (caBundle)
        errors.push(fieldError.invalid("spec.caBundle", "<binary>", "local APIServices may not have a caBundle"))
      if (insecureSkipTLSVerify) {
        const detail = "local APIServices may not have insecureSkipTLSVerify"
        errors.push(fieldError.invalid("spec.insecureSkipTLSVerify", true, detail))
      }
      return errors
    }
    checkRequired(errors, "spec.service.namespace", service.namespace)
    checkRequired(errors, "spec.service.name", service.name)
    const { port = 443 } = service
    for (const text of isPortNumber(port)) {
      errors.push(fieldError.invalid("spec.service.port", port, `port is not valid: ${text}`))
    }
    if (insecureSkipTLSVerify && caBundle) {
      const detail = "may not be true if caBundle is present"
      errors.push(fieldError.invalid("spec.insecureSkipTLSVerify", true, detail))
    }
    return errors
  },
  columns: [
    nameColumn,
    text("Service", ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : "Local")),
    text("Available", ({ status }) => {
      const condition = findCondition(status?.conditions, "Available")
      if (!condition) return "Unknown"
      return condition.status === "True" || !condition.reason
        ? condition.status
        : `${condition.status} (${condition.reason})`
    }),
    ageColumn,
  ],
}
