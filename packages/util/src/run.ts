import { spawn } from "node:child_process"

/** Runs a program with text on its standard input; resolves with its output, rejects with what it said on standard error. */
export function run(program: string, args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
    child.on("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new Error(`${program} is not installed (Debian package that holds it is needed)`)
          : error,
      ),
    )
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString())
      else
        reject(new Error(`${program} ${args.join(" ")} exited with ${code}: ${Buffer.concat(err).toString().trim()}`))
    })
    child.stdin.on("error", () => undefined)
    child.stdin.end(input)
  })
}
