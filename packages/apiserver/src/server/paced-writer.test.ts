import assert from "node:assert/strict"
import { once } from "node:events"
import { Writable } from "node:stream"
import { test } from "node:test"
import { newRandom } from "@ladya/util"
import { PacedWriter, writeBody } from "./paced-writer.ts"

const stepBytes = 64 * 1024

/** A connection that takes one write a turn, and remembers how much it was given at a time. */
class Connection extends Writable {
  readonly received: Buffer[] = []
  largest = 0

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take([chunk], done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    )
  }

  #take(chunks: Buffer[], done: () => void): void {
    this.received.push(...chunks)
    this.largest = Math.max(
      this.largest,
      chunks.reduce((sum, { length }) => sum + length, 0),
    )
    setImmediate(done)
  }
}

test("everything arrives in order, and no step is larger than it may be (seed 3)", async () => {
  const random = newRandom(3)
  const connection = new Connection()
  const writer = new PacedWriter(connection)
  const sent: Buffer[] = []
  for (let turn = 0; turn < 60; turn++) {
    for (let chunk = 0; chunk < random() * 6; chunk++) {
      const bytes = Buffer.alloc(Math.floor(random() ** 4 * 5 * stepBytes), turn % 251)
      sent.push(bytes)
      writer.write(bytes)
    }
    if (random() < 0.5) await new Promise((resolve) => setImmediate(resolve))
  }
  await new Promise<void>((resolve) => writer.whenEmpty(resolve))
  assert.equal(writer.pendingBytes, 0)
  assert.ok(connection.largest <= stepBytes, `a step of ${connection.largest} bytes`)
  assert.ok(Buffer.concat(connection.received).equals(Buffer.concat(sent)))
})

test("what waits is counted, and let go of when the connection breaks", async () => {
  const connection = new Connection()
  connection.on("error", () => undefined)
  const writer = new PacedWriter(connection)
  const total = 10 * stepBytes
  writer.write(Buffer.alloc(total))
  assert.equal(writer.pendingBytes, total)
  writer.whenEmpty(() => assert.fail("nothing was delivered"))
  connection.destroy()
  await once(connection, "close")
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(writer.pendingBytes, 0)
})

test("a whole body ends the stream, small or large", async () => {
  for (const length of [0, 10, 5 * stepBytes]) {
    const connection = new Connection()
    const body = Buffer.alloc(length, "b")
    writeBody(connection, [body.subarray(0, length >> 1), body.subarray(length >> 1)], length)
    await once(connection, "finish")
    assert.ok(Buffer.concat(connection.received).equals(body))
  }
})
