import { errorMessage } from "@ladya/util"
import type { ApiResponse, Handler } from "../../request.ts"

/** One named condition of health: throws, with the reason, when it does not hold. */
export interface HealthCheck {
  readonly name: string
  check(): Promise<void> | void
}

const plain = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" }

const text = (status: number, body: string): ApiResponse => ({ status, headers: { ...plain }, body: Buffer.from(body) })

/** `/healthz`, `/livez`, `/readyz`: all checks, or one by its name below the path; `?verbose`, `?exclude=NAME`. */
export function newHealthHandler(endpoint: string, checks: () => readonly HealthCheck[]): Handler {
  return async (request) => {
    const name = request.path.slice(endpoint.length + 2)
    const all = checks()
    if (name) {
      const check = all.find((one) => one.name === name)
      if (!check) return text(404, "404 page not found\n")
      const failure = await run(check)
      return failure === undefined ? text(200, "ok") : text(500, `internal server error: ${failure}\n`)
    }
    const excluded = new Set(request.query.getAll("exclude"))
    const lines: string[] = []
    let isFailed = false
    for (const check of all) {
      if (excluded.delete(check.name)) {
        lines.push(`[+]${check.name} excluded: ok`)
        continue
      }
      const failure = await run(check)
      if (failure === undefined) lines.push(`[+]${check.name} ok`)
      else {
        isFailed = true
        lines.push(`[-]${check.name} failed: reason withheld`)
      }
    }
    if (excluded.size > 0)
      lines.push(
        `warn: some health checks cannot be excluded: no matches for ${[...excluded].map((one) => JSON.stringify(one)).join(",")}`,
      )
    if (isFailed) return text(500, `${lines.join("\n")}\n${endpoint} check failed\n`)
    if (request.query.has("verbose")) return text(200, `${lines.join("\n")}\n${endpoint} check passed\n`)
    return text(200, "ok")
  }
}

async function run(check: HealthCheck): Promise<string | undefined> {
  try {
    await check.check()
    return undefined
  } catch (error) {
    return errorMessage(error)
  }
}
