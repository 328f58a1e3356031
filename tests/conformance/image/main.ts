/**
 * The program of the helper image. Usage: main.ts ROLE [ARGUMENT...]. Each role is a file of ./roles that exports
 * `run(args)`. Node's own modules alone: nothing else is in the image.
 */
const [role, ...args] = process.argv.slice(2)
if (!role || !/^[a-z0-9-]+$/.test(role)) {
  console.error("usage: main.ts ROLE [ARGUMENT...]; the roles are the files of ./roles")
  process.exit(2)
}
// As process 1 a program must ask for its own end.
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0))
const { run } = (await import(`./roles/${role}.ts`)) as { run: (args: string[]) => unknown }
await run(args)
