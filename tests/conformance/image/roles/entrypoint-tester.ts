/** Prints its arguments: shows which command and arguments a container was started with. */
export function run(args: string[]): void {
  console.log(JSON.stringify(args))
}
