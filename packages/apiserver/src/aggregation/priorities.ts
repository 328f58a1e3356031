/** How groups and versions are ordered in discovery: larger first. */
export interface Priority {
  group: number
  version: number
}

/** Custom resources come behind everything built in, and their versions in the order of their names. */
export const customPriority: Priority = { group: 1000, version: 100 }

const groups: Readonly<Record<string, number>> = {
  "": 18_000,
  "apiregistration.k8s.io": 18_000,
  apps: 17_800,
  "events.k8s.io": 17_750,
  "authentication.k8s.io": 17_700,
  "authorization.k8s.io": 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  "certificates.k8s.io": 17_300,
  "networking.k8s.io": 17_200,
  policy: 17_100,
  "rbac.authorization.k8s.io": 17_000,
  "storage.k8s.io": 16_800,
  "admissionregistration.k8s.io": 16_700,
  "apiextensions.k8s.io": 16_700,
  "scheduling.k8s.io": 16_600,
  "coordination.k8s.io": 16_500,
  "node.k8s.io": 16_300,
  "discovery.k8s.io": 16_200,
  "resource.k8s.io": 16_200,
  "flowcontrol.apiserver.k8s.io": 16_100,
  "internal.apiserver.k8s.io": 16_000,
  "storagemigration.k8s.io": 15_800,
}

/** What is not the usual 15 for v1, 12 for betas and 9 for alphas. */
const versions: Readonly<Record<string, number>> = {
  "/v1": 1,
  "autoscaling/v2": 30,
  "certificates.k8s.io/v1alpha1": 1,
  "certificates.k8s.io/v1beta1": 9,
  "coordination.k8s.io/v1beta1": 13,
  "coordination.k8s.io/v1alpha2": 12,
  "flowcontrol.apiserver.k8s.io/v1": 21,
  "networking.k8s.io/v1beta1": 9,
  "resource.k8s.io/v1": 20,
  "resource.k8s.io/v1beta2": 15,
  "resource.k8s.io/v1beta1": 9,
  "resource.k8s.io/v1alpha3": 1,
  "storage.k8s.io/v1beta1": 1,
}

/** The priority of a built-in group version. */
export function builtInPriority(group: string, version: string): Priority {
  const stage = version.includes("alpha") ? 9 : version.includes("beta") ? 12 : 15
  return { group: groups[group] ?? customPriority.group, version: versions[`${group}/${version}`] ?? stage }
}
