import assert from "node:assert/strict"
import { appendFile, mkdtemp, open, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { newDeferred } from "@ladya/util"
import { type LogOptions, parseLogOptions } from "./options.ts"
import { readLog } from "./reader.ts"
import { tailOffset } from "./tail.ts"

const time = (second: number): string => `2026-01-02T03:04:${String(second).padStart(2, "0")}.123456789Z`
const out = (second: number, text: string, tag = "F"): string => `${time(second)} stdout ${tag} ${text}\n`
const err = (second: number, text: string): string => `${time(second)} stderr F ${text}\n`

const plain: LogOptions = {
  follow: false,
  previous: false,
  timestamps: false,
  sinceMs: undefined,
  tailLines: undefined,
  limitBytes: undefined,
  stream: "All",
}

async function logFile(context: TestContext, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "ladya-logs-"))
  context.after(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, "0.log")
  await writeFile(path, text)
  return path
}

async function readAll(path: string, options: Partial<LogOptions>): Promise<string> {
  let text = ""
  const signal = AbortSignal.timeout(20_000)
  for await (const piece of readLog({ path, options: { ...plain, ...options }, signal })) text += piece
  return text
}

const sample = out(1, "one") + err(2, "two") + out(3, "thr", "P") + out(3, "ee") + out(4, "")

const cases: { name: string; options: Partial<LogOptions>; want: string }[] = [
  { name: "everything", options: {}, want: "one\ntwo\nthree\n\n" },
  {
    name: "timestamps stand at the start of whole lines",
    options: { timestamps: true },
    want: `${time(1)} one\n${time(2)} two\n${time(3)} three\n${time(4)} \n`,
  },
  { name: "tail", options: { tailLines: 2 }, want: "ee\n\n" },
  { name: "tail of nothing", options: { tailLines: 0 }, want: "" },
  { name: "tail of more than there is", options: { tailLines: 99 }, want: "one\ntwo\nthree\n\n" },
  { name: "limitBytes", options: { limitBytes: 5 }, want: "one\nt" },
  { name: "since", options: { sinceMs: Date.parse(time(3)) }, want: "three\n\n" },
  { name: "stdout", options: { stream: "Stdout" }, want: "one\nthree\n\n" },
  { name: "stderr", options: { stream: "Stderr" }, want: "two\n" },
]

for (const { name, options, want } of cases) {
  test(name, async (context) => {
    assert.equal(await readAll(await logFile(context, sample), options), want)
  })
}

test("a log larger than what is read at once comes whole", async (context) => {
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`)
  const path = await logFile(context, lines.map((line) => out(1, line)).join(""))
  assert.equal(await readAll(path, {}), `${lines.join("\n")}\n`)
  assert.equal(await readAll(path, { tailLines: 3 }), `${lines.slice(-3).join("\n")}\n`)
})

test("lines that are no CRI lines are left out", async (context) => {
  assert.equal(await readAll(await logFile(context, `garbage\n${out(1, "good")}x y z w\n`), {}), "good\n")
})

test("the tail of a file without a last newline", async (context) => {
  const path = await logFile(context, "a\nb\nc")
  const file = await open(path)
  context.after(() => file.close())
  assert.equal(await tailOffset(file, 5, 1), 4)
  assert.equal(await tailOffset(file, 5, 2), 2)
  assert.equal(await tailOffset(file, 5, 3), 0)
})

/** Follows a log and gives its text when a wanted text has come. */
function follow(context: TestContext, path: string, options: Partial<LogOptions> = {}) {
  const ended = newDeferred<void>()
  const abort = new AbortController()
  context.after(() => abort.abort())
  let text = ""
  let wanted: { text: string; deferred: ReturnType<typeof newDeferred<void>> } | undefined
  const finished = (async () => {
    const request = { path, options: { ...plain, follow: true, ...options }, signal: abort.signal }
    for await (const piece of readLog({ ...request, ended: () => ended.promise })) {
      text += piece
      if (wanted && text.includes(wanted.text)) wanted.deferred.resolve()
    }
    return text
  })()
  const seen = (what: string): Promise<void> => {
    wanted = { text: what, deferred: newDeferred<void>() }
    if (text.includes(what)) wanted.deferred.resolve()
    return wanted.deferred.promise
  }
  return { seen, finished, end: () => ended.resolve(), abort: () => abort.abort() }
}

test("following shows lines as they come and ends with the container", async (context) => {
  const path = await logFile(context, out(1, "one"))
  const { seen, finished, end } = follow(context, path)
  await seen("one")
  await appendFile(path, out(2, "two"))
  await seen("two")
  await appendFile(path, out(3, "last"))
  end()
  assert.equal(await finished, "one\ntwo\nlast\n")
})

test("following goes on in the new file after a rotation", async (context) => {
  const path = await logFile(context, out(1, "one"))
  const { seen, finished, end } = follow(context, path)
  await seen("one")
  await appendFile(path, out(2, "two"))
  await rename(path, `${path}.20260102-030405`)
  await appendFile(`${path}.20260102-030405`, out(3, "three"))
  await writeFile(path, out(4, "four"))
  await seen("four")
  end()
  assert.equal(await finished, "one\ntwo\nthree\nfour\n")
})

test("following ends when the client goes", async (context) => {
  const path = await logFile(context, out(1, "one"))
  const { seen, finished, abort } = follow(context, path, { tailLines: 1 })
  await seen("one")
  abort()
  assert.equal(await finished, "one\n")
})

test("parameters are read", () => {
  const query = new URLSearchParams("follow=true&previous=false&tailLines=10&sinceSeconds=5&timestamps=1&limitBytes=7")
  assert.deepEqual(parseLogOptions(query, 100_000), {
    follow: true,
    previous: false,
    timestamps: true,
    sinceMs: 95_000,
    tailLines: 10,
    limitBytes: 7,
    stream: "All",
  })
})

for (const query of [
  "tailLines=-1",
  "tailLines=x",
  "limitBytes=0",
  "sinceTime=yesterday",
  "stream=Both",
  "sinceSeconds=0",
  "stream=Stdout&tailLines=1",
]) {
  test(`${query} is refused`, () => {
    assert.throws(() => parseLogOptions(new URLSearchParams(query), 0), { name: "LogOptionsError" })
  })
}
