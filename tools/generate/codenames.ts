/** The codenames of the conformance suite, out of its published list: the names alone, in their order. */
export function codenamesOf(tests: readonly { codename: string }[]): string {
  const names = tests.map(({ codename }) => JSON.stringify(codename))
  return `[\n${names.join(",\n")}\n]\n`
}
