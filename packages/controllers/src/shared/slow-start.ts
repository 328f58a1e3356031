/**
 * Runs `task` `count` times in batches of 1, 2, 4, 8 …: when all would fail alike (a quota, an admission rule), only a
 * few are tried. Stops after the batch in which something failed.
 */
export async function slowStart(
  count: number,
  task: (index: number) => Promise<void>,
): Promise<{ succeeded: number; error: unknown }> {
  let succeeded = 0
  let started = 0
  for (let batch = 1; started < count; batch *= 2) {
    const size = Math.min(batch, count - started)
    const from = started
    const results = await Promise.allSettled(Array.from({ length: size }, (_, index) => task(from + index)))
    started += size
    succeeded += results.filter((result) => result.status === "fulfilled").length
    const failed = results.find((result) => result.status === "rejected")
    if (failed) return { succeeded, error: failed.reason }
  }
  return { succeeded, error: undefined }
}
