import type { Random } from "@ladya/util"

// No vowels and no digits that look like them: no accidental words.
const alphabet = "bcdfghjklmnpqrstvwxz2456789"
const suffixLength = 5
const longestBase = 63 - suffixLength

/** Random characters of the alphabet of generated names. */
export function randomSuffix(random: Random, length = suffixLength): string {
  let text = ""
  for (let index = 0; index < length; index++) text += alphabet[Math.floor(random() * alphabet.length)]
  return text
}

/** A name from `generateName`: the base, cut so that the whole has at most 63 characters, and five random ones. */
export function generatedName(base: string, random: Random): string {
  return `${base.slice(0, longestBase)}${randomSuffix(random)}`
}

/** A text of digits and letters in the same alphabet: what template hashes are shown in. */
export function safeEncodeText(text: string): string {
  let result = ""
  for (let index = 0; index < text.length; index++) result += alphabet[text.charCodeAt(index) % alphabet.length]
  return result
}
