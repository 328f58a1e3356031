import type { corev1 } from "@ladya/api"
import { statusError } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"
import { Entry } from "../../storage/entry.ts"
import { newStoredShape } from "../../storage/shape.ts"
import type { Result } from "../operation.ts"
import type { SpecialResource } from "../special.ts"
import type { HealthCheck } from "./health.ts"

/** The deprecated `componentstatuses`: one per check, made when asked for. */
export function componentStatuses(checks: readonly HealthCheck[]): SpecialResource {
  const statusOf = async ({ name, check }: HealthCheck): Promise<corev1.ComponentStatus> => {
    let failure: string | undefined
    try {
      await check()
    } catch (error) {
      failure = errorMessage(error)
    }
    const condition: corev1.ComponentCondition =
      failure === undefined
        ? { type: "Healthy", status: "True", message: "ok" }
        : { type: "Healthy", status: "False", message: failure }
    return { kind: "ComponentStatus", apiVersion: "v1", metadata: { name }, conditions: [condition] }
  }
  return {
    async get(_engine, { name, resource }): Promise<Result> {
      const check = checks.find((one) => one.name === name)
      if (!check) throw statusError.notFound(resource.kind, name)
      return { type: "object", code: 200, object: await statusOf(check), kind: resource.kind }
    },
    async list(_engine, { resource }): Promise<Result> {
      const shape = newStoredShape(resource.kind)
      const entries = await Promise.all(
        checks.map(async (check) => new Entry(shape, check.name, shape.encode(await statusOf(check)), 0)),
      )
      return { type: "list", entries, metadata: { resourceVersion: "0" } }
    },
  }
}
