import { fieldError, isDns1123Subdomain, isPortNumber } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, text } from "../../../printing/columns.ts"
import {
  checkDnsLabel,
  checkLabelName,
  checkOneOf,
  checkTexts,
  type Errors,
  indexed,
} from "../../../validation/checks.ts"
import { checkNonSpecialIp } from "../../../validation/net.ts"

type Endpoints = corev1.Endpoints

function checkAddress(errors: Errors, path: string, address: corev1.EndpointAddress): void {
  checkNonSpecialIp(errors, `${path}.ip`, address.ip ?? "")
  if (address.hostname) checkDnsLabel(errors, `${path}.hostname`, address.hostname)
  if (address.nodeName !== undefined) {
    checkTexts(errors, `${path}.nodeName`, address.nodeName, isDns1123Subdomain(address.nodeName))
  }
}

function checkPort(errors: Errors, path: string, port: corev1.EndpointPort, nameWanted: boolean): void {
  if (port.name) checkDnsLabel(errors, `${path}.name`, port.name)
  else if (nameWanted) errors.push(fieldError.required(`${path}.name`))
  checkTexts(errors, `${path}.port`, port.port ?? 0, isPortNumber(port.port ?? 0))
  checkOneOf(errors, `${path}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"])
  if (port.appProtocol !== undefined) checkLabelName(errors, `${path}.appProtocol`, port.appProtocol)
}

function validate(next: Endpoints): Errors {
  const errors: Errors = []
  for (const [subset, at] of indexed("subsets", next.subsets)) {
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) {
      errors.push(fieldError.required(at, "must specify `addresses` or `notReadyAddresses`"))
    }
    for (const list of ["addresses", "notReadyAddresses"] as const) {
      for (const [address, addressPath] of indexed(`${at}.${list}`, subset[list])) {
        checkAddress(errors, addressPath, address)
      }
    }
    for (const [port, portPath] of indexed(`${at}.ports`, subset.ports)) {
      checkPort(errors, portPath, port, (subset.ports?.length ?? 0) > 1)
    }
  }
  return errors
}

/** `10.0.0.1:80,10.0.0.2:80 + 3 more...`. */
function endpointsText({ subsets }: Endpoints): string {
  const all: string[] = []
  for (const subset of subsets ?? []) {
    const addresses = subset.addresses ?? []
    if (!subset.ports?.length) all.push(...addresses.map(({ ip }) => ip))
    for (const port of subset.ports ?? []) {
      for (const { ip } of addresses) all.push(ip.includes(":") ? `[${ip}]:${port.port}` : `${ip}:${port.port}`)
    }
  }
  if (all.length === 0) return "<none>"
  const shown = all.slice(0, 3).join(",")
  return all.length > 3 ? `${shown} + ${all.length - 3} more...` : shown
}

export const endpoints: KindBehaviour<Endpoints> = {
  default(draft) {
    for (const subset of draft.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= "TCP"
  },
  validate,
  columns: [nameColumn, text("Endpoints", endpointsText), ageColumn],
  allowCreateOnUpdate: true,
}
