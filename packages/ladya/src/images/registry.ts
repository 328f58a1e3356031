import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { pipeline } from "node:stream/promises"
import { type Component, http, type Logger } from "@ladya/util"
import { LadyaError } from "../errors.ts"
import type { Descriptor, ImageStore } from "./store.ts"

export interface RegistryOptions {
  store: ImageStore
  host: string
  /** 0 for any free one. */
  port: number
  log: Logger
  /** Called with a registry's name and an image's name when somebody asked for an image that is not here. */
  onMiss?: (registry: string, image: string) => void
}

export interface Registry extends Component {
  /** The port it listens on, once started. */
  port(): number
}

type Reply = { status: number; headers: Record<string, string>; body?: Buffer | { blob: string } }

/**
 * The reading side of the OCI distribution protocol over the image store. containerd asks it in the name of every
 * registry (`?ns=docker.io`), so that one store stands in front of all of them.
 */
export function newRegistry(options: RegistryOptions): Registry {
  const server: Server = http.createServer((request, response) => {
    answer(options, request, response).catch((error) => {
      options.log.warn("registry request failed", { url: request.url, error })
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })
  return {
    name: "registry",
    start: () =>
      new Promise<void>((resolve, reject) => {
        server.once("error", (error: NodeJS.ErrnoException) => {
          const address = `${options.host}:${options.port}`
          const inUse = error.code === "EADDRINUSE"
          reject(
            inUse
              ? new LadyaError(`the image mirror cannot listen on ${address}: the port is taken`, {
                  hint: `see who has it: ss -ltnp 'sport = :${options.port}'`,
                })
              : error,
          )
        })
        server.listen(options.port, options.host, resolve)
      }),
    stop: async (signal) => {
      server.close()
      server.closeIdleConnections()
      signal.addEventListener("abort", () => server.closeAllConnections(), { once: true })
      server.closeAllConnections()
    },
    port: () => {
      const address = server.address()
      return typeof address === "object" && address ? address.port : 0
    },
  }
}

async function answer(options: RegistryOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = await route(options, request.method ?? "GET", new URL(request.url ?? "/", "http://registry"))
  const headers = { "Docker-Distribution-Api-Version": "registry/2.0", ...reply.headers }
  if (request.method === "HEAD" || reply.body === undefined) {
    response.writeHead(reply.status, headers).end()
  } else if (Buffer.isBuffer(reply.body)) {
    response.writeHead(reply.status, headers).end(reply.body)
  } else {
    response.writeHead(reply.status, headers)
    // A puller that goes away in the middle is its own affair.
    await pipeline(options.store.streamBlob(reply.body.blob), response).catch(() => response.destroy())
  }
}

function failure(status: number, code: string, message: string): Reply {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message }] }))
  return { status, headers: { "Content-Type": "application/json", "Content-Length": String(body.length) }, body }
}

const digestPattern = /^sha256:[0-9a-f]{64}$/

async function route(options: RegistryOptions, method: string, url: URL): Promise<Reply> {
  if (method !== "GET" && method !== "HEAD") return failure(405, "UNSUPPORTED", "this registry is read only")
  if (url.pathname === "/v2/" || url.pathname === "/v2") return { status: 200, headers: { "Content-Length": "0" } }
  const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname)
  if (!match) return failure(404, "NAME_UNKNOWN", "no such path")
  const [, repository = "", kind, reference = ""] = match
  if (kind === "blobs") return await blob(options.store, reference)
  const registry = url.searchParams.get("ns") ?? "docker.io"
  const name = `${registry}/${repository}${digestPattern.test(reference) ? "@" : ":"}${reference}`
  const descriptor = await findManifest(options.store, `${registry}/${repository}`, reference)
  if (!descriptor) {
    options.onMiss?.(registry, name)
    return failure(404, "MANIFEST_UNKNOWN", `${name} is not in the cluster's image store`)
  }
  const body = await options.store.readBlob(descriptor.digest)
  return {
    status: 200,
    headers: {
      "Content-Type": descriptor.mediaType,
      "Content-Length": String(body.length),
      "Docker-Content-Digest": descriptor.digest,
    },
    body,
  }
}

async function blob(store: ImageStore, digest: string): Promise<Reply> {
  const size = digestPattern.test(digest) ? await store.blobSize(digest) : undefined
  if (size === undefined) return failure(404, "BLOB_UNKNOWN", `${digest} is not in the cluster's image store`)
  return {
    status: 200,
    headers: {
      "Content-Type": "application/octet-stream",
      "Content-Length": String(size),
      "Docker-Content-Digest": digest,
    },
    body: { blob: digest },
  }
}

async function findManifest(store: ImageStore, image: string, reference: string): Promise<Descriptor | undefined> {
  if (!digestPattern.test(reference)) return await store.resolve(`${image}:${reference}`)
  const size = await store.blobSize(reference)
  if (size === undefined) return undefined
  const named = (await store.list()).find(({ descriptor }) => descriptor.digest === reference)
  if (named) return named.descriptor
  // One platform's manifest, out of an index: its own text says what it is.
  const content = JSON.parse((await store.readBlob(reference)).toString()) as { mediaType?: string; config?: unknown }
  const mediaType = content.mediaType ?? (content.config ? manifestType : indexType)
  return { mediaType, digest: reference, size }
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"
const indexType = "application/vnd.oci.image.index.v1+json"
