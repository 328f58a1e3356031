import type { corev1 } from "@ladya/api"
import { type AuthConfig, CriError, type Image, type ImageService, isCriError, type PodSandboxConfig } from "@ladya/cri"
import { type Clock, errorMessage } from "@ladya/util"
import { newGate } from "./gate.ts"
import { parseImageReference } from "./image-reference.ts"
import { pullCredentials } from "./pull-credentials.ts"

export type ImageFailure =
  | "ErrImagePull"
  | "ImagePullBackOff"
  | "ErrImageNeverPull"
  | "InvalidImageName"
  | "ImageInspectError"

/** An image cannot be had now. `reason` is the waiting reason of the container's status. */
export class ImageError extends Error {
  override name = "ImageError"
  readonly reason: ImageFailure
  /** When to try again; undefined when trying again is no use. */
  readonly retryAfterMs: number | undefined

  constructor(reason: ImageFailure, message: string, retryAfterMs?: number) {
    super(message)
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

export interface EnsureImageRequest {
  image: string
  policy: string
  /** Failures of one pod do not make another wait. */
  podUid: string
  pullSecrets: readonly corev1.Secret[]
  sandboxConfig: PodSandboxConfig
  /** Reports what happens, as events of the container. */
  event(type: "Normal" | "Warning", reason: string, message: string): void
  signal: AbortSignal
}

export interface ImagePuller {
  /** The image, pulled when the policy asks for it. Rejects with an ImageError. */
  ensure(request: EnsureImageRequest): Promise<Image>
  /** Forgets the failures of a pod. */
  forget(podUid: string): void
}

export interface ImagePullerDeps {
  images: ImageService
  clock: Clock
  /** How many pulls go on at once; 4 unless told. */
  parallel?: number
}

const initialBackoffMs = 10_000
const maximumBackoffMs = 300_000
const lookAgainMs = 3_000

interface Failure {
  delayMs: number
  atMs: number
  message: string
}

/** `1.234s`, `1m2.5s`, `85ms`: a duration as Go prints it, to the millisecond. */
export function durationText(ms: number): string {
  const whole = Math.round(ms)
  if (whole < 1000) return `${whole}ms`
  const minutes = Math.floor(whole / 60_000)
  const seconds = (whole % 60_000) / 1000
  if (minutes === 0) return `${seconds}s`
  const hours = Math.floor(minutes / 60)
  return hours > 0 ? `${hours}h${minutes % 60}m${seconds}s` : `${minutes}m${seconds}s`
}

/** What a registry's refusal is called, beside its text. */
function pullErrorText(error: unknown): string {
  if (!(error instanceof CriError)) return errorMessage(error)
  return error.rpcText
}

export function newImagePuller({ images, clock, parallel = 4 }: ImagePullerDeps): ImagePuller {
  const failures = new Map<string, Map<string, Failure>>()
  const queue = newGate(parallel)

  const failureOf = (request: EnsureImageRequest): Failure | undefined =>
    failures.get(request.podUid)?.get(request.image)

  function noteFailure(request: EnsureImageRequest, message: string): number {
    const now = clock.now()
    const before = failureOf(request)
    const fresh = !before || now - before.atMs > 2 * maximumBackoffMs
    const delayMs = fresh ? initialBackoffMs : Math.min(before.delayMs * 2, maximumBackoffMs)
    const ofPod = failures.get(request.podUid) ?? new Map<string, Failure>()
    ofPod.set(request.image, { delayMs, atMs: now, message })
    failures.set(request.podUid, ofPod)
    return delayMs
  }

  async function inspect(request: EnsureImageRequest): Promise<Image | undefined> {
    try {
      return await images.status(request.image, { signal: request.signal })
    } catch (error) {
      if (!isCriError(error)) throw error
      const message = `Failed to inspect image ${JSON.stringify(request.image)}: ${error.rpcText}`
      request.event("Warning", "InspectFailed", message)
      throw new ImageError("ImageInspectError", message, initialBackoffMs)
    }
  }

  async function pullWith(request: EnsureImageRequest, credentials: readonly AuthConfig[]): Promise<void> {
    const { image, sandboxConfig, signal } = request
    let lastError: unknown
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        await images.pull(image, { sandboxConfig, signal, ...(auth ? { auth } : {}) })
        return
      } catch (error) {
        signal.throwIfAborted()
        lastError = error
      }
    }
    throw lastError
  }

  async function pull(request: EnsureImageRequest): Promise<Image> {
    const { image, event } = request
    const quoted = JSON.stringify(image)
    event("Normal", "Pulling", `Pulling image ${quoted}`)
    const askedAt = clock.monotonic()
    let startedAt = askedAt
    try {
      await queue.run(async () => {
        startedAt = clock.monotonic()
        await pullWith(request, pullCredentials(image, request.pullSecrets))
      }, request.signal)
    } catch (error) {
      request.signal.throwIfAborted()
      const text = pullErrorText(error)
      event("Warning", "Failed", `Failed to pull image ${quoted}: ${text}`)
      const delayMs = noteFailure(request, `ErrImagePull: ${text}`)
      // Looked at again sooner than it may be pulled, so that the status turns to ImagePullBackOff.
      throw new ImageError("ErrImagePull", text, Math.min(delayMs, lookAgainMs))
    }
    const end = clock.monotonic()
    failures.get(request.podUid)?.delete(image)
    const pulled = await inspect(request)
    if (!pulled) throw new ImageError("ErrImagePull", `image ${quoted} was pulled and is not there`, initialBackoffMs)
    event(
      "Normal",
      "Pulled",
      `Successfully pulled image ${quoted} in ${durationText(end - startedAt)} ` +
        `(${durationText(end - askedAt)} including waiting). Image size: ${pulled.sizeBytes} bytes.`,
    )
    return pulled
  }

  return {
    forget: (podUid) => failures.delete(podUid),
    async ensure(request) {
      const { image, policy, event } = request
      const quoted = JSON.stringify(image)
      try {
        parseImageReference(image)
      } catch (error) {
        const message = `Failed to apply default image tag ${quoted}: ${errorMessage(error)}`
        event("Warning", "InspectFailed", message)
        throw new ImageError("InvalidImageName", message)
      }
      const failure = failureOf(request)
      const remainingMs = failure ? failure.atMs + failure.delayMs - clock.now() : 0
      const present = policy === "Always" ? undefined : await inspect(request)
      if (present) {
        event("Normal", "Pulled", `Container image ${quoted} already present on machine and can be accessed by the pod`)
        return present
      }
      if (policy === "Never") {
        const message = `Container image ${quoted} is not present with pull policy of Never`
        event("Warning", "ErrImageNeverPull", message)
        // Somebody may load it by hand.
        throw new ImageError("ErrImageNeverPull", message, initialBackoffMs)
      }
      if (failure && remainingMs > 0) {
        const message = `Back-off pulling image ${quoted}`
        event("Normal", "BackOff", message)
        throw new ImageError("ImagePullBackOff", `${message}: ${failure.message}`, remainingMs)
      }
      return pull(request)
    },
  }
}
