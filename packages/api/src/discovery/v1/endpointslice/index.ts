import { fieldError, isDns1123Subdomain, isPortNumber, semanticEqual } from "@ladya/apimachinery"
import type * as discoveryv1 from "../../../generated/types/discoveryv1.ts"
import { parseIp } from "../../../helpers/ip.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, text } from "../../../printing/columns.ts"
import { startGeneration } from "../../../strategy.ts"
import {
  checkDnsLabel,
  checkImmutable,
  checkLabelName,
  checkOneOf,
  checkTexts,
  type Errors,
  indexed,
} from "../../../validation/checks.ts"
import { checkNonSpecialIp } from "../../../validation/net.ts"

type EndpointSlice = discoveryv1.EndpointSlice

function checkAddresses(errors: Errors, path: string, endpoint: discoveryv1.Endpoint, type: string): void {
  const at = `${path}.addresses`
  const addresses = endpoint.addresses ?? []
  if (addresses.length === 0) errors.push(fieldError.required(at, "must contain at least 1 address"))
  else if (addresses.length > 100) errors.push(fieldError.tooMany(at, addresses.length, 100))
  for (const [address, addressPath] of indexed(at, addresses)) {
    if (type === "IPv4" || type === "IPv6") {
      checkNonSpecialIp(errors, addressPath, address)
      const family = parseIp(address)?.family
      if (family && family !== (type === "IPv4" ? 4 : 6)) {
        errors.push(fieldError.invalid(addressPath, address, `must be an ${type} address`))
      }
    } else if (type === "FQDN") checkTexts(errors, addressPath, address, isDns1123Subdomain(address))
  }
}

function checkEndpoint(errors: Errors, path: string, endpoint: discoveryv1.Endpoint, type: string): void {
  checkAddresses(errors, path, endpoint, type)
  if (endpoint.nodeName !== undefined) {
    checkTexts(errors, `${path}.nodeName`, endpoint.nodeName, isDns1123Subdomain(endpoint.nodeName))
  }
  const topology = Object.keys(endpoint.deprecatedTopology ?? {})
  if (topology.length > 16) errors.push(fieldError.tooMany(`${path}.deprecatedTopology`, topology.length, 16))
  if (endpoint.hostname !== undefined) checkDnsLabel(errors, `${path}.hostname`, endpoint.hostname)
}

function checkPorts(errors: Errors, slice: EndpointSlice): void {
  const ports = slice.ports ?? []
  if (ports.length > 20000) errors.push(fieldError.tooMany("ports", ports.length, 20000))
  const names = new Set<string>()
  for (const [port, at] of indexed("ports", ports)) {
    const name = port.name ?? ""
    if (name) checkDnsLabel(errors, `${at}.name`, name)
    if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name))
    names.add(name)
    if (port.port !== undefined) checkTexts(errors, `${at}.port`, port.port, isPortNumber(port.port))
    checkOneOf(errors, `${at}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"])
    if (port.appProtocol !== undefined) checkLabelName(errors, `${at}.appProtocol`, port.appProtocol)
  }
}

function validate(next: EndpointSlice, previous: EndpointSlice | undefined): Errors {
  const errors: Errors = []
  if (previous) checkImmutable(errors, "addressType", next.addressType, previous.addressType)
  checkOneOf(errors, "addressType", next.addressType, ["FQDN", "IPv4", "IPv6"])
  const endpoints = next.endpoints ?? []
  if (endpoints.length > 1000) errors.push(fieldError.tooMany("endpoints", endpoints.length, 1000))
  for (const [endpoint, at] of indexed("endpoints", endpoints)) checkEndpoint(errors, at, endpoint, next.addressType)
  checkPorts(errors, next)
  return errors
}

function listText(values: readonly string[], none: string): string {
  if (values.length === 0) return none
  const shown = values.slice(0, 3).join(",")
  return values.length > 3 ? `${shown} + ${values.length - 3} more...` : shown
}

export const endpointSlice: KindBehaviour<EndpointSlice> = {
  default(draft) {
    draft.endpoints ??= []
    draft.ports ??= []
    for (const port of draft.ports) {
      port.name ??= ""
      port.protocol ??= "TCP"
    }
  },
  prepareForCreate: startGeneration,
  prepareForUpdate(draft, previous) {
    const content = ({ metadata, ...rest }: EndpointSlice): unknown => ({ ...rest, labels: metadata.labels })
    const generation = previous.metadata.generation ?? 0
    draft.metadata.generation = semanticEqual(content(draft), content(previous)) ? generation : generation + 1
  },
  validate,
  columns: [
    nameColumn,
    text("AddressType", ({ addressType }) => addressType),
    text("Ports", ({ ports }) =>
      listText(
        (ports ?? []).map(({ port }) => (port === undefined ? "*" : String(port))),
        "<unset>",
      ),
    ),
    text("Endpoints", ({ endpoints }) =>
      listText(
        (endpoints ?? []).flatMap(({ addresses }) => addresses),
        "<unset>",
      ),
    ),
    ageColumn,
  ],
}
