import { newStatusError } from "@ladya/apimachinery"
import type { Handler } from "./request.ts"

/** One path that is not a resource. `isPrefix`: everything below it as well. */
export interface Route {
  path: string
  isPrefix?: boolean
  handler: Handler
}

/** Sends requests to the handler of their path; resources go to `resources`. */
export function newRouter(routes: readonly Route[], resources: Handler): Handler {
  const exact = new Map(routes.map((route) => [route.path, route.handler]))
  const prefixes = routes.filter((route) => route.isPrefix).sort((a, b) => b.path.length - a.path.length)
  return (request) => {
    if (request.info.isResource) return resources(request)
    const { path } = request
    const trimmed = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path
    const handler =
      exact.get(trimmed) ?? prefixes.find((route) => path.startsWith(`${route.path}/`))?.handler ?? notFound
    return handler(request)
  }
}

const notFound: Handler = async () => {
  throw newStatusError("NotFound", "the server could not find the requested resource", {})
}

/** The paths of all routes, as `/` lists them. */
export function newIndexHandler(paths: () => readonly string[]): Handler {
  return async () => ({
    status: 200,
    headers: { "Content-Type": "application/json" },
    body: Buffer.from(JSON.stringify({ paths: [...new Set(paths())].sort() }, undefined, 2)),
  })
}
