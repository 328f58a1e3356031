import { fieldError } from "@ladya/apimachinery"
import type * as schedulingv1alpha2 from "../../generated/types/schedulingv1alpha2.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn, text } from "../../printing/columns.ts"
import { keepField, specStatusStrategy } from "../../strategy.ts"
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkImmutable,
  checkPositive,
  checkRequired,
  type Errors,
  indexed,
} from "../../validation/checks.ts"

type Workload = schedulingv1alpha2.Workload
type Group = schedulingv1alpha2.PodGroup
type Policy = schedulingv1alpha2.PodGroupSchedulingPolicy

const maxTemplates = 8

function checkPolicy(errors: Errors, path: string, policy: Policy | undefined): void {
  const set = [policy?.basic, policy?.gang].filter((part) => part !== undefined).length
  if (set !== 1) {
    errors.push(fieldError.invalid(path, policy ?? {}, "must specify exactly one of: `basic`, `gang`"))
  }
  if (policy?.gang) checkPositive(errors, `${path}.gang.minCount`, policy.gang.minCount ?? 0)
}

/** A group of pods that are scheduled together (KEP-4671). */
export const workload: KindBehaviour<Workload> = {
  validate({ spec }, previous) {
    const errors: Errors = []
    const { controllerRef, podGroupTemplates } = spec ?? {}
    if (controllerRef) {
      if (controllerRef.apiGroup) checkDnsSubdomain(errors, "spec.controllerRef.apiGroup", controllerRef.apiGroup)
      checkRequired(errors, "spec.controllerRef.kind", controllerRef.kind)
      checkRequired(errors, "spec.controllerRef.name", controllerRef.name)
    }
    const path = "spec.podGroupTemplates"
    if (!podGroupTemplates?.length) errors.push(fieldError.required(path, "must have at least one item"))
    const count = podGroupTemplates?.length ?? 0
    if (count > maxTemplates) errors.push(fieldError.tooMany(path, count, maxTemplates))
    const names = new Set<string>()
    for (const [template, at] of indexed(path, podGroupTemplates)) {
      if (checkRequired(errors, `${at}.name`, template.name)) checkDnsLabel(errors, `${at}.name`, template.name)
      if (names.has(template.name)) errors.push(fieldError.duplicate(`${at}.name`, template.name))
      names.add(template.name)
      checkPolicy(errors, `${at}.schedulingPolicy`, template.schedulingPolicy)
    }
    if (previous) checkImmutable(errors, path, podGroupTemplates, previous.spec?.podGroupTemplates)
    return errors
  },
  columns: [nameColumn, integer("PodGroupTemplates", ({ spec }) => spec?.podGroupTemplates?.length ?? 0), ageColumn],
}

export const podGroup: KindBehaviour<Group> = {
  ...specStatusStrategy({ generation: false }),
  prepareForUpdate: (draft, previous) => keepField(draft, previous, "status"),
  validate({ spec }, previous) {
    const errors: Errors = []
    const reference = spec?.podGroupTemplateRef?.workload
    if (reference) {
      const path = "spec.podGroupTemplateRef.workload"
      checkRequired(errors, `${path}.workloadName`, reference.workloadName)
      checkRequired(errors, `${path}.podGroupTemplateName`, reference.podGroupTemplateName)
    }
    checkPolicy(errors, "spec.schedulingPolicy", spec?.schedulingPolicy)
    if (previous) checkImmutable(errors, "spec", spec, previous.spec)
    return errors
  },
  columns: [
    nameColumn,
    text("Workload", ({ spec }) => spec?.podGroupTemplateRef?.workload?.workloadName ?? ""),
    text("Policy", ({ spec }) => (spec?.schedulingPolicy?.gang ? "Gang" : "Basic")),
    ageColumn,
  ],
}
