import { fieldError } from "@ladya/apimachinery"
import { checkNonNegative, type Errors } from "./checks.ts"

/** Counts are not negative, parts are not more than the whole. */
export function checkReplicaStatus(
  errors: Errors,
  status: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): void {
  const count = (name: string): number => (typeof status[name] === "number" ? (status[name] as number) : 0)
  for (const name of ["replicas", ...fields, "observedGeneration", "collisionCount"]) {
    if (status[name] !== undefined) checkNonNegative(errors, `status.${name}`, count(name))
  }
  for (const name of fields) {
    if (count(name) > count("replicas")) {
      errors.push(fieldError.invalid(`status.${name}`, count(name), "cannot be greater than status.replicas"))
    }
  }
  if (fields.includes("availableReplicas") && count("availableReplicas") > count("readyReplicas")) {
    const detail = "cannot be greater than readyReplicas"
    errors.push(fieldError.invalid("status.availableReplicas", count("availableReplicas"), detail))
  }
}
