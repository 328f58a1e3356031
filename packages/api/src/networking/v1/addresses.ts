import { fieldError } from "@ladya/apimachinery"
import type * as networkingv1 from "../../generated/types/networkingv1.ts"
import { formatIp, parseIp } from "../../helpers/ip.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { specStatusStrategy } from "../../strategy.ts"
import { checkImmutable, checkRequired, type Errors, indexed } from "../../validation/checks.ts"
import { checkCidr } from "../../validation/net.ts"

function parentText(reference: networkingv1.ParentReference | undefined): string {
  const { group, resource, namespace, name } = reference ?? {}
  if (!name) return ""
  const qualified = group ? `${resource}.${group}` : resource
  return namespace ? `${qualified}/${namespace}/${name}` : `${qualified}/${name}`
}

export const ipAddress: KindBehaviour<networkingv1.IPAddress> = {
  validate({ spec }, previous) {
    const errors: Errors = []
    if (!spec?.parentRef) errors.push(fieldError.required("spec.parentRef"))
    else {
      checkRequired(errors, "spec.parentRef.resource", spec.parentRef.resource)
      checkRequired(errors, "spec.parentRef.name", spec.parentRef.name)
    }
    if (previous) checkImmutable(errors, "spec.parentRef", spec?.parentRef, previous.spec?.parentRef)
    return errors
  },
  validateName(name) {
    const ip = parseIp(name)
    if (!ip) return ["must be a valid IP address"]
    return formatIp(ip) === name ? [] : ["must be a canonical format IP address"]
  },
  selectableFields: ({ spec }) => {
    const { group = "", resource = "", namespace = "", name = "" } = spec?.parentRef ?? {}
    return {
      "spec.parentRef.group": group,
      "spec.parentRef.resource": resource,
      "spec.parentRef.namespace": namespace,
      "spec.parentRef.name": name,
    }
  },
  columns: [nameColumn, text("ParentRef", ({ spec }) => parentText(spec?.parentRef)), ageColumn],
}

export const serviceCidr: KindBehaviour<networkingv1.ServiceCIDR> = {
  ...specStatusStrategy({ generation: false }),
  validate({ spec }, previous) {
    const errors: Errors = []
    const cidrs = spec?.cidrs ?? []
    if (cidrs.length === 0) errors.push(fieldError.required("spec.cidrs", "at least one CIDR required"))
    if (cidrs.length > 2) errors.push(fieldError.tooMany("spec.cidrs", cidrs.length, 2))
    for (const [cidr, at] of indexed("spec.cidrs", cidrs)) checkCidr(errors, at, cidr)
    if (previous && previous.spec?.cidrs?.[0] !== cidrs[0])
      checkImmutable(errors, "spec.cidrs", cidrs, previous.spec?.cidrs)
    return errors
  },
  columns: [nameColumn, text("CIDRs", ({ spec }) => (spec?.cidrs ?? []).join(",")), ageColumn],
}
