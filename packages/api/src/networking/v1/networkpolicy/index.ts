import { fieldError, formatLabelSelector, validateLabelSelector } from "@ladya/apimachinery"
import type * as networkingv1 from "../../../generated/types/networkingv1.ts"
import { cidrContains, cidrRange, parseCidr } from "../../../helpers/ip.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, text } from "../../../printing/columns.ts"
import { generationStrategy } from "../../../strategy.ts"
import { checkPort, checkRequired, checkSupported, type Errors, indexed } from "../../../validation/checks.ts"
import { checkCidr, cidrWarnings } from "../../../validation/net.ts"

function checkPorts(errors: Errors, path: string, ports: readonly networkingv1.NetworkPolicyPort[] | undefined): void {
  for (const [port, at] of indexed(path, ports)) {
    checkSupported(errors, `${at}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"])
    if (port.port !== undefined) checkPort(errors, `${at}.port`, port.port)
    if (port.endPort === undefined) continue
    if (port.port === undefined)
      errors.push(fieldError.required(`${at}.port`, "may not be empty when `endPort` is specified"))
    else if (typeof port.port === "string") {
      const detail = "may not be specified when `port` is non-numeric"
      errors.push(fieldError.forbidden(`${at}.endPort`, detail))
    } else {
      if (port.endPort < port.port) {
        const detail = "must be greater than or equal to `port`"
        errors.push(fieldError.invalid(`${at}.endPort`, port.endPort, detail))
      }
      checkPort(errors, `${at}.endPort`, port.endPort)
    }
  }
}

// Every range that a policy names.
function rangesOf({ spec }: networkingv1.NetworkPolicy): string[] {
  const peers = [
    ...(spec?.ingress ?? []).flatMap(({ from }) => from ?? []),
    ...(spec?.egress ?? []).flatMap(({ to }) => to ?? []),
  ]
  return peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : []))
}

function checkBlock(errors: Errors, path: string, block: networkingv1.IPBlock, known: readonly string[]): void {
  if (!checkRequired(errors, `${path}.cidr`, block.cidr) || !checkCidr(errors, `${path}.cidr`, block.cidr, known))
    return
  const outer = parseCidr(block.cidr)
  for (const [except, at] of indexed(`${path}.except`, block.except)) {
    if (!checkCidr(errors, at, except, known)) continue
    const inner = parseCidr(except)
    if (!outer || !inner) continue
    const { first } = cidrRange(inner)
    const within = cidrContains(outer, { family: inner.address.family, value: first })
    if (!within || inner.prefixLength <= outer.prefixLength) {
      errors.push(fieldError.invalid(at, except, "must be a strict subset of `cidr`"))
    }
  }
}

function checkPeers(
  errors: Errors,
  path: string,
  peers: readonly networkingv1.NetworkPolicyPeer[] | undefined,
  known: readonly string[],
): void {
  for (const [peer, at] of indexed(path, peers)) {
    errors.push(...validateLabelSelector(peer.podSelector, `${at}.podSelector`))
    errors.push(...validateLabelSelector(peer.namespaceSelector, `${at}.namespaceSelector`))
    if (peer.ipBlock) checkBlock(errors, `${at}.ipBlock`, peer.ipBlock, known)
    const selectors = peer.podSelector || peer.namespaceSelector
    if (!selectors && !peer.ipBlock) errors.push(fieldError.required(at, "must specify a peer"))
    else if (selectors && peer.ipBlock)
      errors.push(fieldError.forbidden(at, "may not specify both ipBlock and another peer"))
  }
}

export const networkPolicy: KindBehaviour<networkingv1.NetworkPolicy> = {
  default(draft) {
    draft.spec ??= {}
    const { spec } = draft
    spec.podSelector ??= {}
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"]
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ??= "TCP"
    }
  },
  ...generationStrategy(),
  validate({ spec = {} }, previous) {
    const known = previous ? rangesOf(previous) : []
    const errors: Errors = [...validateLabelSelector(spec.podSelector, "spec.podSelector")]
    for (const [rule, at] of indexed("spec.ingress", spec.ingress)) {
      checkPorts(errors, `${at}.ports`, rule.ports)
      checkPeers(errors, `${at}.from`, rule.from, known)
    }
    for (const [rule, at] of indexed("spec.egress", spec.egress)) {
      checkPorts(errors, `${at}.ports`, rule.ports)
      checkPeers(errors, `${at}.to`, rule.to, known)
    }
    const types = spec.policyTypes ?? []
    if (types.length > 2) {
      errors.push(fieldError.invalid("spec.policyTypes", types, "may not specify more than two policyTypes"))
      return errors
    }
    for (const [type, at] of indexed("spec.policyTypes", types)) checkSupported(errors, at, type, ["Egress", "Ingress"])
    return errors
  },
  warnings: (next) => {
    const warnings: string[] = []
    for (const [list, peers] of [
      ["ingress", "from"],
      ["egress", "to"],
    ] as const) {
      for (const [rule, at] of indexed(`spec.${list}`, next.spec?.[list])) {
        const named = (rule as Record<string, networkingv1.NetworkPolicyPeer[] | undefined>)[peers]
        for (const [peer, peerAt] of indexed(`${at}.${peers}`, named)) {
          warnings.push(...cidrWarnings(`${peerAt}.ipBlock.cidr`, peer.ipBlock?.cidr ?? ""))
          for (const [range, rangeAt] of indexed(`${peerAt}.ipBlock.except`, peer.ipBlock?.except)) {
            warnings.push(...cidrWarnings(rangeAt, range))
          }
        }
      }
    }
    return warnings
  },
  columns: [nameColumn, text("Pod-Selector", ({ spec }) => formatLabelSelector(spec?.podSelector)), ageColumn],
}
