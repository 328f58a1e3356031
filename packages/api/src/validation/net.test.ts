import assert from "node:assert/strict"
import { test } from "node:test"
import { cidrTexts, cidrWarnings, ipTexts, ipWarnings } from "./net.ts"

const ipRows: [string, string | undefined][] = [
  ["10.0.0.5", undefined],
  ["2001:DB8::0001", undefined],
  ["010.0.0.5", "must not have leading 0s"],
  ["::ffff:10.0.0.5", "must not be an IPv4-mapped IPv6 address"],
  ["10.0.0.256", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"],
  ["", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"],
]

const cidrRows: [string, string | undefined][] = [
  ["10.0.0.0/8", undefined],
  ["0.0.0.0/0", undefined],
  ["10.0.0.0/08", "must not have leading 0s in IP or prefix length"],
  ["010.0.0.0/8", "must not have leading 0s in IP or prefix length"],
  ["10.0.0.5/8", "must not have bits set beyond the prefix length"],
  ["::ffff:10.0.0.0/104", "must not have an IPv4-mapped IPv6 address"],
  ["10.0.0.0/33", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"],
  ["10.0.0.0", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"],
]

test("addresses and ranges are written in one way only", () => {
  for (const [value, text] of ipRows) assert.deepEqual(ipTexts(value), text ? [text] : [], value)
  for (const [value, text] of cidrRows) assert.deepEqual(cidrTexts(value), text ? [text] : [], value)
})

test("an IPv6 address in an unusual form is warned of", () => {
  assert.deepEqual(ipWarnings("spec.x", "2001:db8:0:0::2"), [
    'spec.x: IPv6 address "2001:db8:0:0::2" should be in RFC 5952 canonical format ("2001:db8::2")',
  ])
  assert.deepEqual(ipWarnings("spec.x", "10.0.0.1"), [])
  assert.deepEqual(cidrWarnings("spec.x", "2001:DB8::/64"), [
    'spec.x: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")',
  ])
})
