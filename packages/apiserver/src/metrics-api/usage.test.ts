import assert from "node:assert/strict"
import { test } from "node:test"
import { usageOf } from "./sampler.ts"
import { addSample, durationText, measure, type Sample } from "./usage.ts"

const at = (seconds: number, cpuNanos: number, memoryBytes = 1024): Sample => ({
  at: seconds * 1000,
  cpuNanos,
  memoryBytes,
})

const cases: {
  name: string
  samples: Sample[]
  want: { cpu: string; memory: string; windowMs: number } | undefined
}[] = [
  { name: "one sample has no rate", samples: [at(1, 5)], want: undefined },
  {
    name: "half a core",
    samples: [at(0, 0), at(10, 5e9, 3 * 1024)],
    want: { cpu: "500000000n", memory: "3Ki", windowMs: 10_000 },
  },
  { name: "idle", samples: [at(0, 7), at(10, 7, 1000)], want: { cpu: "0", memory: "1000", windowMs: 10_000 } },
  {
    name: "the two newest count",
    samples: [at(0, 0), at(10, 10e9), at(20, 11e9)],
    want: { cpu: "100000000n", memory: "1Ki", windowMs: 10_000 },
  },
  {
    name: "the same sample again changes nothing",
    samples: [at(0, 0), at(10, 10e9), at(10, 10e9)],
    want: { cpu: "1000000000n", memory: "1Ki", windowMs: 10_000 },
  },
  { name: "a counter that began anew has no past", samples: [at(0, 9e9), at(10, 1e9)], want: undefined },
]
for (const { name, samples, want } of cases) {
  test(name, () => {
    const series = samples.reduce<ReturnType<typeof addSample> | undefined>(
      (known, sample) => addSample(known, sample),
      undefined,
    )
    const measured = series && measure(series)
    assert.deepEqual(measured && { ...measured.usage, windowMs: measured.windowMs }, want)
  })
}

test("durations are written as Go does", () => {
  assert.equal(durationText(15_000), "15s")
  assert.equal(durationText(1_523), "1.523s")
})

test("a pod of the same name and another uid begins anew", () => {
  const summary = (uid: string, time: string, usageCoreNanoSeconds: number) => ({
    pods: [
      {
        podRef: { namespace: "a", name: "p", uid },
        containers: [{ name: "c", cpu: { time, usageCoreNanoSeconds }, memory: { workingSetBytes: 1 } }],
      },
    ],
  })
  const first = usageOf(summary("1", "2026-01-01T00:00:00Z", 1), undefined)
  const second = usageOf(summary("1", "2026-01-01T00:00:10Z", 2), first)
  assert.ok(second.pods.get("a/p")?.containers.get("c")?.previous)
  const other = usageOf(summary("2", "2026-01-01T00:00:20Z", 3), second)
  assert.equal(other.pods.get("a/p")?.containers.get("c")?.previous, undefined)
})
