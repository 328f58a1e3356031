import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { podColumns } from "./columns.ts"
import { defaultPod } from "./defaults.ts"
import {
  deletionGraceSeconds,
  prepareEphemeralContainers,
  prepareForCreate,
  prepareForStatusUpdate,
  prepareForUpdate,
  prepareResize,
} from "./strategy.ts"
import { validateEphemeralContainers, validatePod, validatePodStatus, validateResize } from "./validation.ts"
import { nameWarnings, templateWarnings } from "./warnings/index.ts"

export const pod: KindBehaviour<corev1.Pod> = {
  default: defaultPod,
  prepareForCreate,
  prepareForUpdate,
  prepareForStatusUpdate,
  validate: validatePod,
  validateStatus: validatePodStatus,
  subresourceUpdates: {
    ephemeralcontainers: { prepare: prepareEphemeralContainers, validate: validateEphemeralContainers },
    resize: { prepare: prepareResize, validate: validateResize },
  },
  // Pods are updated by controllers and nodes, seldom by people: it is not worth the cost.
  warnings: (next, previous) =>
    previous ? [] : [...nameWarnings(next.metadata, "the Pod's hostname"), ...templateWarnings("", next)],
  selectableFields: ({ spec, status }) => ({
    "spec.nodeName": spec?.nodeName ?? "",
    "spec.restartPolicy": spec?.restartPolicy ?? "",
    "spec.schedulerName": spec?.schedulerName ?? "",
    "spec.serviceAccountName": spec?.serviceAccountName ?? "",
    "spec.hostNetwork": String(spec?.hostNetwork ?? false),
    "status.phase": status?.phase ?? "",
    "status.podIP": status?.podIPs?.[0]?.ip ?? status?.podIP ?? "",
    "status.nominatedNodeName": status?.nominatedNodeName ?? "",
  }),
  columns: podColumns,
  deletionGraceSeconds,
}
