import assert from "node:assert/strict"
import { test } from "node:test"
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js"
import { systemClock } from "@ladya/util"
import { grpcHealth } from "./grpc.ts"

const never = new AbortController().signal

/** Field 1 of a message, as text. */
const nameIn = (bytes: Buffer): { name: string } => ({ name: bytes.subarray(2).toString("utf8") })

test("a server's health by the gRPC protocol", async () => {
  const server = new Server()
  const health: Record<string, number> = { "": 1, web: 1, db: 2 }
  const check = (call: ServerUnaryCall<{ name: string }, number>, answer: sendUnaryData<number>): void => {
    const found = health[call.request.name]
    if (found === undefined) answer({ code: status.NOT_FOUND, details: "unknown service" })
    else answer(null, found)
  }
  server.addService(
    {
      Check: {
        path: "/grpc.health.v1.Health/Check",
        requestStream: false,
        responseStream: false,
        requestSerialize: () => Buffer.alloc(0),
        requestDeserialize: nameIn,
        responseSerialize: (value: number) => Buffer.from([0x08, value]),
        responseDeserialize: () => 0,
      },
    },
    { Check: check },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  const ask = (service: string) =>
    grpcHealth({ host: "127.0.0.1", port, service, timeoutMs: 1000, signal: never }, systemClock)
  try {
    assert.deepEqual(await ask(""), { healthy: true, output: "service healthy" })
    assert.deepEqual(await ask("web"), { healthy: true, output: "service healthy" })
    assert.deepEqual(await ask("db"), { healthy: false, output: 'service unhealthy (responded with "NOT_SERVING")' })
    assert.match((await ask("none")).output, /NOT_FOUND desc = unknown service$/)
  } finally {
    server.forceShutdown()
  }
  assert.match((await ask("")).output, /^timeout: failed to connect service "127\.0\.0\.1:\d+" within 1s/)
})
