/** A command as words. One that was given as a single text with blanks is taken apart as a shell would, quotes heeded. */
export function commandWords(given: readonly string[]): string[] {
  const [only] = given
  if (given.length !== 1 || only === undefined || !/\s/.test(only)) return [...given]
  const words: string[] = []
  for (const match of only.matchAll(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    words.push(
      match[0].replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) =>
        double === undefined ? (single ?? "") : double.replace(/\\(.)/g, "$1"),
      ),
    )
  }
  return words
}
