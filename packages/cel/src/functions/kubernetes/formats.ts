import {
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isOfFormat,
  isQualifiedName,
  maskTrailingDash,
} from "@ladya/apimachinery"
import { CelOptional, type TypedValue } from "../../runtime/values.ts"
import { opaqueType } from "../../types.ts"
import { define, type Overload, traverse } from "../overload.ts"

const name = "kubernetes.NamedFormat"

class CelFormat implements TypedValue {
  readonly celType = opaqueType(name)
  readonly id: string
  readonly validate: (text: string) => string[]
  constructor(id: string, validate: (text: string) => string[]) {
    this.id = id
    this.validate = validate
  }
  equals(other: unknown): boolean {
    return other instanceof CelFormat && other.id === this.id
  }
}

const masked =
  (validate: (text: string) => string[]) =>
  (text: string): string[] =>
    validate(maskTrailingDash(text))
const ofFormat =
  (format: string, message: string) =>
  (text: string): string[] =>
    isOfFormat(format, text) ? [] : [message]

const formats = new Map<string, CelFormat>(
  Object.entries({
    dns1123Label: isDns1123Label,
    dns1123Subdomain: isDns1123Subdomain,
    dns1035Label: isDns1035Label,
    qualifiedName: isQualifiedName,
    dns1123LabelPrefix: masked(isDns1123Label),
    dns1123SubdomainPrefix: masked(isDns1123Subdomain),
    dns1035LabelPrefix: masked(isDns1035Label),
    labelValue: isLabelValue,
    uri: ofFormat("uri", "invalid URI"),
    uuid: ofFormat("uuid", "does not match the UUID format"),
    byte: ofFormat("byte", "invalid base64"),
    date: ofFormat("date", "invalid date"),
    datetime: ofFormat("date-time", "invalid datetime"),
  }).map(([id, validate]) => [id, new CelFormat(id, validate)]),
)

function validate(format: CelFormat, text: string): CelOptional {
  const errors = format.validate(text)
  return errors.length === 0 ? CelOptional.none : CelOptional.of(errors)
}

/** Formats with names, to hold texts against. */
export const formatFunctions: readonly Overload[] = [
  ...[...formats].map(([id, format]) => define(`format.${id}(): ${name}`, () => format)),
  define(`format.named(string): optional<${name}>`, (id: string) => {
    const found = formats.get(id)
    return found ? CelOptional.of(found) : CelOptional.none
  }),
  define(`${name}:validate(string): optional<list<string>>`, validate, {
    cost: ([, size = 0]) => Math.max(1, traverse(size) * 10),
  }),
]
