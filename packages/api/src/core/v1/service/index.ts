import type * as corev1 from "../../../generated/types/corev1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, mapText, nameColumn, orNone, text, wide } from "../../../printing/columns.ts"
import { keepField } from "../../../strategy.ts"
import { defaultService } from "./defaults.ts"
import { prepareForCreate, prepareForUpdate } from "./strategy.ts"
import { validateService, validateServiceName, validateServiceStatus } from "./validation.ts"
import { serviceWarnings } from "./warnings.ts"

type Service = corev1.Service

function externalIpText({ spec = {}, status }: Service): string {
  const external = spec.externalIPs ?? []
  switch (spec.type) {
    case "LoadBalancer": {
      const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "")
      const all = [...new Set(ingress.filter(Boolean))].sort().concat(external)
      return all.length > 0 ? all.join(",") : "<pending>"
    }
    case "ExternalName":
      return spec.externalName ?? ""
    case "ClusterIP":
    case "NodePort":
      return orNone(external.join(","))
    default:
      return "<unknown>"
  }
}

function portsText({ spec }: Service): string {
  const parts = (spec?.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  )
  return orNone(parts.join(","))
}

const columns: readonly Column<Service>[] = [
  nameColumn,
  text("Type", ({ spec }) => spec?.type ?? ""),
  text("Cluster-IP", ({ spec }) => orNone(spec?.clusterIPs?.[0] ?? spec?.clusterIP)),
  text("External-IP", externalIpText),
  text("Port(s)", portsText),
  ageColumn,
  wide(text("Selector", ({ spec }) => mapText(spec?.selector))),
]

export const service: KindBehaviour<Service> = {
  default: defaultService,
  prepareForCreate,
  prepareForUpdate,
  prepareForStatusUpdate: (draft, previous) => keepField(draft, previous, "spec"),
  validate: validateService,
  validateStatus: (next) => validateServiceStatus(next),
  validateName: validateServiceName,
  warnings: serviceWarnings,
  selectableFields: ({ spec }) => ({ "spec.clusterIP": spec?.clusterIP ?? "", "spec.type": spec?.type ?? "" }),
  columns,
}
