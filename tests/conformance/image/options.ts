/** `--port=8080` and `--port 8080` among the arguments, else the fallback. */
export function option(args: readonly string[], name: string, fallback: string): string {
  const at = args.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`))
  if (at < 0) return fallback
  const arg = args[at] as string
  return arg.includes("=") ? arg.slice(arg.indexOf("=") + 1) : (args[at + 1] ?? fallback)
}

/** Whether the bare flag is there. */
export function flag(args: readonly string[], name: string): boolean {
  return args.includes(`--${name}`) || args.includes(`--${name}=true`)
}
