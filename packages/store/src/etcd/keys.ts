/** The range of all keys with a prefix: from it, to the first that is behind them all. */
export function rangeOf(prefix: Buffer): { key: Buffer; rangeEnd: Buffer } {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const byte = prefix[last] as number
    if (byte === 0xff) continue
    const rangeEnd = Buffer.from(prefix.subarray(0, last + 1))
    rangeEnd[last] = byte + 1
    return { key: prefix, rangeEnd }
  }
  // etcd's own signs: the least key there is, and no end.
  return { key: prefix.length > 0 ? prefix : Buffer.from([0]), rangeEnd: Buffer.from([0]) }
}

/** The least key behind this one. */
export const behind = (key: Buffer): Buffer => Buffer.concat([key, Buffer.from([0])])
