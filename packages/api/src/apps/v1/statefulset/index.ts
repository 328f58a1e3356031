import { fieldError, isDns1123Label, semanticEqual } from "@ladya/apimachinery"
import { checkClaimSpec } from "../../../core/v1/persistentvolumeclaim/validation.ts"
import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts"
import { workloadWarnings } from "../../../core/v1/pod/warnings/index.ts"
import type * as appsv1 from "../../../generated/types/appsv1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, containerColumns, nameColumn, text } from "../../../printing/columns.ts"
import { specStatusStrategy } from "../../../strategy.ts"
import { checkDnsLabel, checkNonNegative, checkOneOf, type Errors, indexed } from "../../../validation/checks.ts"
import { checkReplicaStatus } from "../../../validation/replica-status.ts"
import { checkIntOrPercent, checkSelector, checkServingTemplate, selectorText } from "../../../validation/templates.ts"

type StatefulSet = appsv1.StatefulSet

const strategy = specStatusStrategy()

function defaults(draft: StatefulSet): void {
  draft.spec ??= { selector: undefined as never, template: {} }
  const { spec } = draft
  spec.podManagementPolicy ||= "OrderedReady"
  spec.updateStrategy ??= {}
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = "RollingUpdate"
    spec.updateStrategy.rollingUpdate ??= {}
  }
  if (spec.updateStrategy.type === "RollingUpdate" && spec.updateStrategy.rollingUpdate) {
    spec.updateStrategy.rollingUpdate.partition ??= 0
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {}
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain"
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain"
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= "v1"
    claim.kind ??= "PersistentVolumeClaim"
    claim.spec ??= {}
    claim.spec.volumeMode ??= "Filesystem"
    claim.status ??= {}
    claim.status.phase ??= "Pending"
  }
  spec.template ??= {}
  defaultPodTemplate(spec.template)
  draft.status ??= { replicas: 0 }
  draft.status.replicas ??= 0
  draft.status.availableReplicas ??= 0
}

function checkUpdateStrategy(errors: Errors, path: string, update: appsv1.StatefulSetUpdateStrategy | undefined): void {
  const rolling = update?.rollingUpdate
  if (!update?.type) errors.push(fieldError.required(path))
  else if (update.type === "OnDelete") {
    if (rolling) {
      const detail = "only allowed for updateStrategy 'RollingUpdate'"
      errors.push(fieldError.invalid(`${path}.rollingUpdate`, rolling, detail))
    }
  } else if (update.type === "RollingUpdate") {
    checkNonNegative(errors, `${path}.rollingUpdate.partition`, rolling?.partition)
    checkIntOrPercent(errors, `${path}.rollingUpdate.maxUnavailable`, rolling?.maxUnavailable)
    if (rolling?.maxUnavailable === 0 || rolling?.maxUnavailable === "0%") {
      errors.push(fieldError.invalid(`${path}.rollingUpdate.maxUnavailable`, rolling.maxUnavailable, "cannot be 0"))
    }
  } else errors.push(fieldError.invalid(path, update.type, "must be 'RollingUpdate' or 'OnDelete'"))
}

const mutable = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
]

function checkUpdate(errors: Errors, next: StatefulSet, previous: StatefulSet): void {
  const rest = (spec: object | undefined): object =>
    Object.fromEntries(Object.entries(spec ?? {}).filter(([key]) => !mutable.includes(key)))
  if (semanticEqual(rest(next.spec), rest(previous.spec))) return
  const detail =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
  errors.push(fieldError.forbidden("spec", detail))
}

function validate(next: StatefulSet, previous: StatefulSet | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec
  if (!spec) return [fieldError.required("spec")]
  if (!spec.podManagementPolicy) errors.push(fieldError.required("spec.podManagementPolicy"))
  else if (spec.podManagementPolicy !== "OrderedReady" && spec.podManagementPolicy !== "Parallel") {
    const detail = "must be 'OrderedReady' or 'Parallel'"
    errors.push(fieldError.invalid("spec.podManagementPolicy", spec.podManagementPolicy, detail))
  }
  checkUpdateStrategy(errors, "spec.updateStrategy", spec.updateStrategy)
  // A name that was taken once stays good.
  if (!previous && spec.serviceName) checkDnsLabel(errors, "spec.serviceName", spec.serviceName)
  const retention = spec.persistentVolumeClaimRetentionPolicy
  const at = "spec.persistentVolumeClaimRetentionPolicy"
  checkOneOf(errors, `${at}.whenDeleted`, retention?.whenDeleted, ["Delete", "Retain"])
  checkOneOf(errors, `${at}.whenScaled`, retention?.whenScaled, ["Delete", "Retain"])
  checkNonNegative(errors, "spec.replicas", spec.replicas)
  checkNonNegative(errors, "spec.minReadySeconds", spec.minReadySeconds)
  checkNonNegative(errors, "spec.ordinals.start", spec.ordinals?.start)
  checkNonNegative(errors, "spec.revisionHistoryLimit", spec.revisionHistoryLimit)
  const selector = checkSelector(errors, "spec.selector", spec.selector, "statefulset")
  const claims = new Map((spec.volumeClaimTemplates ?? []).map((claim) => [claim.metadata?.name ?? "", claim]))
  // Claim templates count as volumes of the template's pods.
  const { template } = spec
  const own = template.spec?.volumes ?? []
  const claimed = [...claims.keys()]
    .filter((name) => name && !own.some((volume) => volume.name === name))
    .map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))
  const complete = template.spec ? { ...template, spec: { ...template.spec, volumes: [...own, ...claimed] } } : template
  checkServingTemplate(errors, "spec.template", complete, selector, "StatefulSet")
  for (const [claim, claimPath] of indexed("spec.volumeClaimTemplates", spec.volumeClaimTemplates)) {
    checkClaimSpec(errors, `${claimPath}.spec`, claim.spec ?? {})
  }
  if (previous) checkUpdate(errors, next, previous)
  return errors
}

const columns: readonly Column<StatefulSet>[] = [
  nameColumn,
  text("Ready", ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  ageColumn,
  ...containerColumns<StatefulSet>(({ spec }) => spec?.template.spec),
]

export const statefulSet: KindBehaviour<StatefulSet> = {
  default: defaults,
  ...strategy,
  prepareForCreate(draft) {
    strategy.prepareForCreate(draft)
    draft.status = { replicas: 0, availableReplicas: 0 }
  },
  validate,
  validateStatus(next) {
    const errors: Errors = []
    const fields = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"]
    checkReplicaStatus(errors, { ...next.status }, fields)
    return errors
  },
  validateName: isDns1123Label,
  warnings: workloadWarnings("spec.template", ({ spec }) => spec?.template, { named: false }),
  columns,
  scale: {
    read: ({ spec, status }) => ({
      specReplicas: spec?.replicas ?? 0,
      statusReplicas: status?.replicas ?? 0,
      selector: selectorText(spec?.selector),
    }),
    write(draft, replicas) {
      if (draft.spec) draft.spec.replicas = replicas
    },
  },
}
