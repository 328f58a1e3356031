import type { TxnRequest } from "./messages.ts"

/** A write with its condition. */
export interface Write {
  readonly key: string
  /** Undefined: a deletion. */
  readonly value: Buffer | undefined
  /** The modRevision that must stand there. 0: nothing must. -1: something that never does. */
  readonly expectedRevision: number
  readonly ttlSeconds: number | undefined
}

/** One transaction: done where the condition holds, otherwise showing what stands there. `lease` 0: none. */
export function txnOf(write: Write, key: Buffer, lease: number): TxnRequest {
  const { expectedRevision, value } = write
  const failure: TxnRequest["failure"] = [{ requestRange: { key } }]
  const compare: TxnRequest["compare"] = [
    { key, result: "EQUAL", target: "MOD", modRevision: Math.max(0, expectedRevision) },
  ]
  // What is not there has modRevision 0.
  if (expectedRevision !== 0) compare.push({ key, result: "GREATER", target: "VERSION", version: 0 })
  if (!value) return { compare, success: [{ requestDeleteRange: { key, prevKv: true } }], failure }
  const put = { requestPut: { key, value, lease } }
  // An update has to learn when the key came to be.
  if (expectedRevision === 0) return { compare, success: [put], failure }
  return { compare, success: [put, { requestRange: { key, keysOnly: true } }], failure }
}
