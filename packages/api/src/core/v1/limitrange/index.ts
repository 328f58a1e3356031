import { compareQuantities, fieldError, isQualifiedName, isQuantity, parseQuantity } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { defaultColumns } from "../../../printing/columns.ts"
import { checkTexts, type Errors, indexed } from "../../../validation/checks.ts"
import { checkContainerResourceName, checkResourceName } from "../../../validation/resources.ts"

type Item = corev1.LimitRangeItem
type List = Readonly<Record<string, string>> | undefined

function defaultItem(item: Item): void {
  if (item.type !== "Container") return
  const limits = { ...item.default }
  const requests = { ...item.defaultRequest }
  for (const [name, value] of Object.entries(item.max ?? {})) limits[name] ??= value
  for (const [name, value] of Object.entries(limits)) requests[name] ??= value
  for (const [name, value] of Object.entries(item.min ?? {})) requests[name] ??= value
  if (Object.keys(limits).length > 0) item.default = limits
  if (Object.keys(requests).length > 0) item.defaultRequest = requests
}

/** One of two amounts must not be above the other: how the error calls them. */
const orders: readonly {
  low: keyof Item
  high: keyof Item
  at: keyof Item
  text(low: string, high: string): string
}[] = [
  { low: "min", high: "max", at: "min", text: (a, b) => `min value ${a} is greater than max value ${b}` },
  {
    low: "min",
    high: "defaultRequest",
    at: "defaultRequest",
    text: (a, b) => `min value ${a} is greater than default request value ${b}`,
  },
  {
    low: "defaultRequest",
    high: "max",
    at: "defaultRequest",
    text: (a, b) => `default request value ${a} is greater than max value ${b}`,
  },
  {
    low: "defaultRequest",
    high: "default",
    at: "defaultRequest",
    text: (a, b) => `default request value ${a} is greater than default limit value ${b}`,
  },
  { low: "min", high: "default", at: "default", text: (a, b) => `min value ${a} is greater than default value ${b}` },
  { low: "default", high: "max", at: "default", text: (a, b) => `default value ${a} is greater than max value ${b}` },
]

const numberOf = (quantity: string): number => Number(parseQuantity(quantity).nanos) / 1e9

// The most that a limit can be of a request between these bounds.
function highestRatio(item: Item, name: string): number | undefined {
  const min = item.min?.[name]
  const max = item.max?.[name]
  if (min === undefined || max === undefined || !isQuantity(min) || !isQuantity(max)) return undefined
  return numberOf(min) > 0 ? numberOf(max) / numberOf(min) : undefined
}

function checkItem(errors: Errors, path: string, item: Item): void {
  const lists = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const
  for (const list of lists) {
    for (const name of Object.keys(item[list] ?? {})) {
      const at = `${path}.${list}[${name}]`
      if (item.type === "Container" || item.type === "Pod") checkContainerResourceName(errors, at, name)
      else checkResourceName(errors, at, name)
    }
  }
  if (item.type === "Pod") {
    for (const list of ["default", "defaultRequest"] as const) {
      if (Object.keys(item[list] ?? {}).length === 0) continue
      errors.push(fieldError.forbidden(`${path}.${list}`, "may not be specified when `type` is 'Pod'"))
    }
  }
  if (
    item.type === "PersistentVolumeClaim" &&
    item.min?.["storage"] === undefined &&
    item.max?.["storage"] === undefined
  ) {
    const detail = "either minimum or maximum storage value is required, but neither was provided"
    errors.push(fieldError.required(`${path}.limits`, detail))
  }
  for (const { low, high, at, text } of orders) {
    for (const [name, value] of Object.entries((item[low] as List) ?? {})) {
      const other = (item[high] as List)?.[name]
      if (other === undefined || !isQuantity(value) || !isQuantity(other) || compareQuantities(value, other) <= 0)
        continue
      const shown = (item[at] as List)?.[name]
      errors.push(fieldError.invalid(`${path}.${at}[${name}]`, shown, text(value, other)))
    }
  }
  for (const [name, ratio] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    if (isQuantity(ratio) && compareQuantities(ratio, "1") < 0) {
      errors.push(fieldError.invalid(`${path}.maxLimitRequestRatio[${name}]`, ratio, `ratio ${ratio} is less than 1`))
    }
    const highest = highestRatio(item, name)
    if (highest !== undefined && isQuantity(ratio) && numberOf(ratio) > highest) {
      const detail = `ratio ${ratio} is greater than max/min = ${highest.toFixed(6)}`
      errors.push(fieldError.invalid(`${path}.maxLimitRequestRatio[${name}]`, ratio, detail))
    }
  }
}

export const limitRange: KindBehaviour<corev1.LimitRange> = {
  default(draft) {
    for (const item of draft.spec?.limits ?? []) defaultItem(item)
  },
  validate({ spec }) {
    const errors: Errors = []
    const types = new Set<string>()
    for (const [item, at] of indexed("spec.limits", spec?.limits)) {
      const type = item.type ?? ""
      checkTexts(errors, `${at}.type`, type, isQualifiedName(type))
      if (type && !type.includes("/") && !["Container", "PersistentVolumeClaim", "Pod"].includes(type)) {
        errors.push(fieldError.invalid(`${at}.type`, type, "must be a standard limit type or fully qualified"))
      }
      if (types.has(type)) errors.push(fieldError.duplicate(`${at}.type`, type))
      types.add(type)
      checkItem(errors, at, item)
    }
    return errors
  },
  columns: defaultColumns,
}
