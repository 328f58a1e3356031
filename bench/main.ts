/** `npm run bench -- NAME…`: prints measurements; all of them unless named. Nothing here is a test. */
const benches: Readonly<Record<string, () => Promise<{ run(): Promise<void> }>>> = {
  store: () => import("./store.ts"),
  api: () => import("./api.ts"),
  startup: () => import("./startup.ts"),
  idle: () => import("./idle.ts"),
  scheduler: () => import("./scheduler.ts"),
  held: () => import("./held.ts"),
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(`no such bench: ${unknown.join(", ")}; there are: ${Object.keys(benches).join(", ")}`)
  process.exitCode = 2
} else {
  for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) {
    console.log(`\n== ${name}`)
    await (await benches[name]!()).run()
  }
}
