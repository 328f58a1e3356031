import assert from "node:assert/strict"
import { test } from "node:test"
import { CidrPool } from "./cidrs.ts"

test("parts are given once, in turn, until none is left; what is freed comes again", () => {
  const pool = new CidrPool("10.244.0.0/22", 24)
  assert.equal(pool.occupy("10.244.1.0/24"), true)
  assert.equal(pool.occupy("10.245.0.0/24"), false)
  assert.equal(pool.occupy("10.244.1.0/25"), false)
  assert.equal(pool.allocate(), "10.244.0.0/24")
  pool.release("10.244.0.0/24")
  assert.equal(pool.allocate(), "10.244.2.0/24")
  assert.equal(pool.allocate(), "10.244.3.0/24")
  assert.equal(pool.allocate(), "10.244.0.0/24")
  assert.equal(pool.allocate(), undefined)
  pool.release("10.244.1.0/24")
  assert.equal(pool.allocate(), "10.244.1.0/24")
})

test("addresses beyond 128.0.0.0 and prefixes that do not end at a byte", () => {
  const pool = new CidrPool("192.168.77.5/16", 26)
  assert.equal(pool.allocate(), "192.168.0.0/26")
  assert.equal(pool.allocate(), "192.168.0.64/26")
  assert.equal(pool.occupy("192.168.255.192/26"), true)
})
