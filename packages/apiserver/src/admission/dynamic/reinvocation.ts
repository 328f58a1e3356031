import { semanticEqual } from "@ladya/apimachinery"
import type { AdmissionAttributes } from "../admission.ts"
import { copyOf } from "./versions.ts"

interface Memory {
  /** Those that may be asked again, and were asked since the last change by somebody after them. */
  asked: Set<string>
  /** Those to be asked again. */
  again: Set<string>
  /** The draft as the last of them left it. */
  left: unknown
}

/**
 * Keeps who of a plugin's webhooks or policies is to be asked a second time: those that want it and were asked before
 * somebody changed the object.
 */
export class ReinvocationMemory {
  readonly #attributes: AdmissionAttributes
  readonly #memory: Memory

  constructor(plugin: string, attributes: AdmissionAttributes) {
    this.#attributes = attributes
    attributes.reinvocation.memory ??= new Map()
    const { memory } = attributes.reinvocation
    let own = memory.get(plugin) as Memory | undefined
    if (!own) {
      own = { asked: new Set(), again: new Set(), left: undefined }
      memory.set(plugin, own)
    }
    this.#memory = own
  }

  /** At the start of a round: what changed between the two has been changed by others. */
  begin(): void {
    const { reinvocation, object } = this.#attributes
    if (reinvocation.isSecond && !semanticEqual(this.#memory.left, object)) this.#askAgain()
  }

  /** Whether it is this one's turn in this round. */
  isDue(uid: string): boolean {
    return !this.#attributes.reinvocation.isSecond || this.#memory.again.has(uid)
  }

  /** One was asked. */
  done(uid: string, { isChanged, mayRepeat }: { isChanged: boolean; mayRepeat: boolean }): void {
    if (isChanged) {
      this.#askAgain()
      this.#attributes.reinvocation.isWanted = true
    }
    if (mayRepeat) this.#memory.asked.add(uid)
  }

  end(): void {
    const { object } = this.#attributes
    if (!this.#attributes.reinvocation.isSecond && object) this.#memory.left = copyOf(object)
  }

  #askAgain(): void {
    for (const uid of this.#memory.asked) this.#memory.again.add(uid)
    this.#memory.asked.clear()
  }
}
