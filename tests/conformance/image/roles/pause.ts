/** Does nothing, until it is told to end. */
export function run(): void {
  setInterval(() => undefined, 2 ** 30)
}
