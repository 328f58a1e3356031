import { fieldError, isQualifiedName } from "@ladya/apimachinery"
import type * as networkingv1 from "../../../generated/types/networkingv1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, orNone, text } from "../../../printing/columns.ts"
import { generationStrategy, specStatusStrategy } from "../../../strategy.ts"
import { checkImmutable, checkRequired, checkTexts, type Errors } from "../../../validation/checks.ts"
import { classAnnotation, validateIngress, validateIngressStatus } from "./validation.ts"

type Ingress = networkingv1.Ingress

function hostsText({ spec }: Ingress): string {
  const hosts = (spec?.rules ?? []).map(({ host }) => host ?? "").filter(Boolean)
  if (hosts.length === 0) return "*"
  const shown = hosts.slice(0, 3).join(",")
  return hosts.length > 3 ? `${shown} + ${hosts.length - 3} more...` : shown
}

const addressText = ({ status }: Ingress): string =>
  [...new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "").filter(Boolean))]
    .sort()
    .join(",")

const strategy = specStatusStrategy()

export const ingress: KindBehaviour<Ingress> = {
  default(draft) {
    draft.spec ??= {}
    draft.status ??= {}
    draft.status.loadBalancer ??= {}
  },
  ...strategy,
  prepareForCreate(draft) {
    strategy.prepareForCreate(draft)
    draft.status = { loadBalancer: {} }
  },
  validate: validateIngress,
  validateStatus: validateIngressStatus,
  warnings({ metadata }, previous) {
    if (previous || metadata.annotations?.[classAnnotation] === undefined) return []
    return [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
  },
  columns: [
    nameColumn,
    text(
      "Class",
      ({ metadata, spec }) => spec?.ingressClassName ?? metadata.annotations?.[classAnnotation] ?? "<none>",
    ),
    text("Hosts", hostsText),
    text("Address", addressText),
    text("Ports", ({ spec }) => (spec?.tls?.length ? "80, 443" : "80")),
    ageColumn,
  ],
}

export const ingressClass: KindBehaviour<networkingv1.IngressClass> = {
  default(draft) {
    draft.spec ??= {}
    if (draft.spec.parameters) draft.spec.parameters.scope ??= "Cluster"
  },
  ...generationStrategy(),
  validate({ spec }, previous) {
    const errors: Errors = []
    const controller = spec?.controller ?? ""
    if (controller.length > 250) errors.push(fieldError.tooLong("spec.controller", 250))
    if (checkRequired(errors, "spec.controller", controller)) {
      const messages = isQualifiedName(controller)
      if (!controller.includes("/")) messages.push('must be a domain-prefixed path (such as "acme.io/foo")')
      checkTexts(errors, "spec.controller", controller, messages)
    }
    const parameters = spec?.parameters
    if (parameters) {
      checkRequired(errors, "spec.parameters.kind", parameters.kind, "kind is required")
      checkRequired(errors, "spec.parameters.name", parameters.name, "name is required")
      if (parameters.scope === "Namespace") {
        checkRequired(
          errors,
          "spec.parameters.namespace",
          parameters.namespace,
          "`parameters.scope` is set to 'Namespace'",
        )
      } else if (parameters.scope !== "Cluster") {
        errors.push(fieldError.notSupported("spec.parameters.scope", parameters.scope, ["Cluster", "Namespace"]))
      } else if (parameters.namespace !== undefined) {
        errors.push(fieldError.forbidden("spec.parameters.namespace", "`parameters.scope` is set to 'Cluster'"))
      }
    }
    if (previous) checkImmutable(errors, "spec.controller", spec?.controller, previous.spec?.controller)
    return errors
  },
  columns: [
    nameColumn,
    text("Controller", ({ spec }) => spec?.controller ?? ""),
    text("Parameters", ({ spec }) => {
      const { apiGroup, kind, name } = spec?.parameters ?? {}
      return orNone(kind && `${kind}${apiGroup ? `.${apiGroup}` : ""}/${name}`)
    }),
    ageColumn,
  ],
}
