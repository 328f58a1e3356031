import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js"
import type { Clock } from "@ladya/util"

const method = "/grpc.health.v1.Health/Check"
const statusNames = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]

/** HealthCheckRequest: field 1 is the service's name. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service, "utf8")
  if (name.length === 0) return Buffer.alloc(0)
  const length: number[] = []
  let rest = name.length
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([0x0a, ...length, rest]), name])
}

/** HealthCheckResponse: field 1 is the status, UNKNOWN when it is left out. */
function decodeResponse(bytes: Buffer): number {
  return bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0
}

export interface GrpcCheck {
  host: string
  port: number
  service: string
  timeoutMs: number
  signal: AbortSignal
}

export interface GrpcVerdict {
  healthy: boolean
  output: string
}

function failureText(error: ServiceError, { host, port, timeoutMs }: GrpcCheck): string {
  const limit = `${timeoutMs / 1000}s`
  switch (error.code) {
    case status.UNIMPLEMENTED:
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`
    case status.DEADLINE_EXCEEDED:
      return `timeout: health rpc did not complete within ${limit}`
    case status.UNAVAILABLE:
      return `timeout: failed to connect service "${host}:${port}" within ${limit}: ${error.details}`
    default:
      return `error: health rpc probe failed: rpc error: code = ${status[error.code]} desc = ${error.details}`
  }
}

/** Asks a server for its health by the gRPC health checking protocol, without TLS. */
export async function grpcHealth(check: GrpcCheck, clock: Clock): Promise<GrpcVerdict> {
  const host = check.host.includes(":") ? `[${check.host}]` : check.host
  const client = new Client(`${host}:${check.port}`, credentials.createInsecure(), {
    "grpc.primary_user_agent": "kube-probe/1.36",
    // Each probe is a connection of its own: what is tested is that one can be made.
    "grpc.use_local_subchannel_pool": 1,
  })
  try {
    return await new Promise<GrpcVerdict>((resolve, reject) => {
      const call = client.makeUnaryRequest(
        method,
        encodeRequest,
        decodeResponse,
        check.service,
        new Metadata(),
        { deadline: clock.now() + check.timeoutMs },
        (error, response) => {
          check.signal.removeEventListener("abort", cancel)
          if (check.signal.aborted) reject(check.signal.reason)
          else if (error) resolve({ healthy: false, output: failureText(error, check) })
          else if (response === 1) resolve({ healthy: true, output: "service healthy" })
          else {
            const name = statusNames[response ?? 0] ?? String(response)
            resolve({ healthy: false, output: `service unhealthy (responded with ${JSON.stringify(name)})` })
          }
        },
      )
      const cancel = (): void => call.cancel()
      check.signal.addEventListener("abort", cancel, { once: true })
    })
  } finally {
    client.close()
  }
}
