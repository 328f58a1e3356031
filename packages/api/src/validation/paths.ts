import { fieldError } from "@ladya/apimachinery"
import type { Errors } from "./checks.ts"

/** Refuses `..` as a part of a path. */
export function checkNoBacksteps(errors: Errors, path: string, value = ""): void {
  if (value.split("/").includes("..")) errors.push(fieldError.invalid(path, value, "must not contain '..'"))
}

/** A path that stays below where it is put. */
export function checkDescendingPath(errors: Errors, path: string, value = ""): void {
  if (value.startsWith("/")) errors.push(fieldError.invalid(path, value, "must be a relative path"))
  checkNoBacksteps(errors, path, value)
}

/** A descending path whose first part does not start with `..`: names with two dots are the volume writer's own. */
export function checkNonReservedPath(errors: Errors, path: string, value = ""): void {
  checkDescendingPath(errors, path, value)
  if (value.startsWith("..") && !value.startsWith("../") && value !== "..") {
    errors.push(fieldError.invalid(path, value, "must not start with '..'"))
  }
}
