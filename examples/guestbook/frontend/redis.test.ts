import assert from "node:assert/strict"
import { createServer, type Socket } from "node:net"
import { test } from "node:test"
import { page } from "./page.ts"
import { Redis, RedisError, readReply } from "./redis.ts"

const cases: { name: string; wire: string; reply: unknown }[] = [
  { name: "a status", wire: "+OK\r\n", reply: "OK" },
  { name: "a number", wire: ":42\r\n", reply: 42 },
  { name: "a text with a line break", wire: "$4\r\na\r\nb\r\n", reply: "a\r\nb" },
  { name: "nothing", wire: "$-1\r\n", reply: null },
  { name: "a list", wire: "*2\r\n$1\r\na\r\n:1\r\n", reply: ["a", 1] },
  { name: "half a text", wire: "$4\r\na", reply: undefined },
  { name: "half a list", wire: "*2\r\n$1\r\na\r\n", reply: undefined },
]
for (const { name, wire, reply } of cases) {
  test(`reads ${name}`, () => assert.deepEqual(readReply(Buffer.from(wire))?.reply, reply))
}

test("authenticates, answers in order, and fails what waits when the connection breaks", async (t) => {
  const seen: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on("data", (data) => {
      seen.push(data.toString())
      if (seen.join("").includes("PING")) socket.write("+OK\r\n+PONG\r\n-ERR no\r\n")
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === "object" && address)
  const redis = new Redis({ host: "127.0.0.1", port: address.port, password: "secret" })
  t.after(() => redis.close())
  const [ping, bad] = await Promise.allSettled([redis.command("PING"), redis.command("NO")])
  assert.deepEqual(ping, { status: "fulfilled", value: "PONG" })
  assert.ok(bad.status === "rejected" && bad.reason instanceof RedisError)
  assert.match(seen.join(""), /^\*2\r\n\$4\r\nAUTH\r\n\$6\r\nsecret\r\n/)
  const waiting = redis.command("GET", "x")
  for (const socket of sockets) socket.destroy()
  await assert.rejects(waiting, /no connection to/)
})

test("a message is text, whatever is in it", () => {
  const html = page({ title: "T", version: "v1", host: "h", messages: ["<script>alert(1)</script>"] })
  assert.match(html, /<li>&lt;script&gt;/)
})
