import assert from "node:assert/strict"
import { test } from "node:test"
import { parseSchedule } from "./schedule.ts"

const at = (text: string): number => Date.parse(text)

const cases: { name: string; schedule: string; zone?: string; after: string; wanted: string[] }[] = [
  {
    name: "every minute",
    schedule: "* * * * *",
    after: "2024-01-01T00:00:30Z",
    wanted: ["2024-01-01T00:01:00Z", "2024-01-01T00:02:00Z"],
  },
  {
    name: "steps and lists",
    schedule: "*/20,5 8-10/2 * * *",
    after: "2024-01-01T08:20:00Z",
    wanted: ["2024-01-01T08:40:00Z", "2024-01-01T10:00:00Z", "2024-01-01T10:05:00Z"],
  },
  {
    name: "names, and Sunday as 7",
    schedule: "0 12 * feb SUN,7",
    after: "2024-01-31T00:00:00Z",
    wanted: ["2024-02-04T12:00:00Z", "2024-02-11T12:00:00Z"],
  },
  {
    name: "either day when both are restricted",
    schedule: "0 0 13 * 5",
    after: "2024-09-01T00:00:00Z",
    wanted: ["2024-09-06T00:00:00Z", "2024-09-13T00:00:00Z", "2024-09-20T00:00:00Z"],
  },
  { name: "leap day", schedule: "0 0 29 2 *", after: "2024-03-01T00:00:00Z", wanted: ["2028-02-29T00:00:00Z"] },
  { name: "macro", schedule: "@monthly", after: "2024-03-05T00:00:00Z", wanted: ["2024-04-01T00:00:00Z"] },
  { name: "every", schedule: "@every 1h30m", after: "2024-03-05T00:00:00Z", wanted: ["2024-03-05T01:30:00Z"] },
  {
    name: "time zone",
    schedule: "0 9 * * *",
    zone: "Asia/Kolkata",
    after: "2024-03-05T00:00:00Z",
    wanted: ["2024-03-05T03:30:00Z"],
  },
  {
    name: "the hour that summer time leaves out",
    schedule: "30 2 * * *",
    zone: "Europe/Berlin",
    after: "2024-03-30T12:00:00Z",
    wanted: ["2024-04-01T00:30:00Z"],
  },
  {
    name: "through the end of summer time",
    schedule: "0 4 * * *",
    zone: "America/New_York",
    after: "2024-11-02T12:00:00Z",
    wanted: ["2024-11-03T09:00:00Z", "2024-11-04T09:00:00Z"],
  },
]

for (const { name, schedule, zone, after, wanted } of cases) {
  test(`next time: ${name}`, () => {
    const parsed = parseSchedule(schedule, zone)
    let time = at(after)
    for (const next of wanted) {
      const found = parsed.next(time)
      assert.equal(new Date(found ?? 0).toISOString(), new Date(at(next)).toISOString())
      time = found ?? 0
    }
  })
}

test("what is no schedule is refused", () => {
  for (const text of ["", "* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "a * * * *", "@often"]) {
    assert.throws(() => parseSchedule(text), Error, text)
  }
  assert.throws(() => parseSchedule("* * * * *", "Nowhere/Land"), RangeError)
})

test("a day that never comes is no endless search", () => {
  assert.equal(parseSchedule("0 0 31 2 *").next(at("2024-01-01T00:00:00Z")), undefined)
})
