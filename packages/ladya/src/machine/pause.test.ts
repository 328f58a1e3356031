import assert from "node:assert/strict"
import { test } from "node:test"
import { pauseBinary } from "./pause.ts"

const cases = [
  { name: "x64", machine: 62, size: 224 },
  { name: "arm64", machine: 183, size: 236 },
] as const

for (const { name, machine, size } of cases) {
  test(`the pause binary for ${name} is a static executable of one segment`, () => {
    const binary = pauseBinary(name)
    assert.equal(binary.length, size)
    assert.equal(binary.toString("latin1", 0, 4), "\x7fELF")
    assert.equal(binary.readUInt16LE(16), 2)
    assert.equal(binary.readUInt16LE(18), machine)
    assert.equal(binary.readBigUInt64LE(24), 0x400078n)
    assert.equal(binary.readBigUInt64LE(96), BigInt(size))
    // The signal set is the last word: INT, TERM and CHLD.
    assert.equal(binary.readBigUInt64LE(size - 8), (1n << 1n) | (1n << 14n) | (1n << 16n))
  })
}
