import { fieldError, isConfigMapKey } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, integer, nameColumn, text } from "../../../printing/columns.ts"
import { checkImmutable, checkTexts, type Errors } from "../../../validation/checks.ts"
import { base64Length, checkFrozen, maxDataBytes } from "../configmap/index.ts"

type Secret = corev1.Secret

const accountName = "kubernetes.io/service-account.name"

function toBase64(value: string): string {
  let binary = ""
  for (const byte of new TextEncoder().encode(value)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function isJsonObject(base64: string): boolean {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === "object" && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function checkDockerConfig(errors: Errors, secret: Secret, key: string): void {
  const value = secret.data?.[key]
  if (value === undefined) errors.push(fieldError.required(`data[${key}]`))
  else if (!isJsonObject(value)) {
    errors.push(fieldError.invalid(`data[${key}]`, "<secret contents redacted>", "invalid JSON"))
  }
}

/** What each well-known type asks for. */
const typeChecks: Readonly<Record<string, (errors: Errors, secret: Secret) => void>> = {
  "kubernetes.io/service-account-token": (errors, { metadata }) => {
    if (!metadata.annotations?.[accountName]) {
      errors.push(fieldError.required(`metadata.annotations[${accountName}]`))
    }
  },
  "kubernetes.io/dockercfg": (errors, secret) => checkDockerConfig(errors, secret, ".dockercfg"),
  "kubernetes.io/dockerconfigjson": (errors, secret) => checkDockerConfig(errors, secret, ".dockerconfigjson"),
  "kubernetes.io/basic-auth": (errors, { data = {} }) => {
    if (data["username"] !== undefined || data["password"] !== undefined) return
    errors.push(fieldError.required("data[username]"), fieldError.required("data[password]"))
  },
  "kubernetes.io/ssh-auth": (errors, { data }) => {
    if (!data?.["ssh-privatekey"]) errors.push(fieldError.required("data[ssh-privatekey]"))
  },
  "kubernetes.io/tls": (errors, { data }) => {
    if (data?.["tls.crt"] === undefined) errors.push(fieldError.required("data[tls.crt]"))
    if (data?.["tls.key"] === undefined) errors.push(fieldError.required("data[tls.key]"))
  },
}

export const secret: KindBehaviour<Secret> = {
  default(draft) {
    draft.type ||= "Opaque"
    // stringData is for writing only: it becomes data, and wins over it.
    for (const [key, value] of Object.entries(draft.stringData ?? {})) {
      draft.data ??= {}
      draft.data[key] = toBase64(value)
    }
    delete draft.stringData
  },
  prepareForUpdate(draft, previous) {
    if (!draft.type && previous.type) draft.type = previous.type
  },
  validate(next, previous) {
    const errors: Errors = []
    if (previous) {
      checkImmutable(errors, "type", next.type, previous.type)
      checkFrozen(errors, next, previous, ["data"])
    }
    let bytes = 0
    for (const [key, value] of Object.entries(next.data ?? {})) {
      checkTexts(errors, `data[${key}]`, key, isConfigMapKey(key))
      bytes += base64Length(value)
    }
    if (bytes > maxDataBytes) errors.push(fieldError.tooLong("data", maxDataBytes))
    const type = next.type ?? ""
    if (Object.hasOwn(typeChecks, type)) typeChecks[type]?.(errors, next)
    return errors
  },
  selectableFields: ({ type }) => ({ type: type ?? "" }),
  columns: [
    nameColumn,
    text("Type", ({ type }) => type ?? ""),
    integer("Data", ({ data }) => Object.keys(data ?? {}).length),
    ageColumn,
  ],
}
