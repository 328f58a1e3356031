import { errorMessage, type Logger } from "./log.ts"

/** A part of a process that is started, is ready at some time, and is stopped with a deadline. */
export interface Component {
  readonly name: string
  /** Resolves when the component is ready for use. */
  start(): Promise<void>
  /** Ends it. `signal` aborts when the deadline has passed: then let go of everything at once. */
  stop(signal: AbortSignal): Promise<void>
}

/** Starts components in order and stops them in reverse; the first error of a start stops what has started. */
export class ComponentGroup implements Component {
  readonly name: string
  readonly #components: readonly Component[]
  readonly #log: Logger
  #started: Component[] = []

  constructor(name: string, components: readonly Component[], log: Logger) {
    this.name = name
    this.#components = components
    this.#log = log
  }

  async start(): Promise<void> {
    for (const component of this.#components) {
      this.#log.debug("component starting", { component: component.name })
      this.#started.push(component)
      try {
        await component.start()
      } catch (error) {
        this.#log.error("component failed to start", { component: component.name, error })
        await this.stop(AbortSignal.timeout(5000))
        throw new Error(`${component.name}: ${errorMessage(error)}`, { cause: error })
      }
      this.#log.debug("component ready", { component: component.name })
    }
  }

  async stop(signal: AbortSignal): Promise<void> {
    const started = this.#started
    this.#started = []
    for (const component of started.reverse()) {
      this.#log.debug("component stopping", { component: component.name })
      try {
        await component.stop(signal)
      } catch (error) {
        this.#log.error("component failed to stop", { component: component.name, error })
      }
    }
  }
}
