import type { Clock } from "@ladya/util"
import { newChannel } from "./channel.ts"
import type { CriClient } from "./client.ts"
import { streamEvents } from "./events.ts"
import { newImageService } from "./image-service.ts"
import { newRuntimeService } from "./runtime-service.ts"

export interface CriClientOptions {
  /** Path of the runtime's Unix socket. */
  socket: string
  clock?: Clock
  /** The deadline of ordinary calls; 2 minutes unless told. */
  timeoutMs?: number
}

/** A client of a container runtime. The socket need not exist yet: calls reject with UNAVAILABLE until it answers. */
export function newCriClient({ timeoutMs = 120_000, ...options }: CriClientOptions): CriClient {
  const channel = newChannel(options)
  return {
    runtime: newRuntimeService(channel, timeoutMs),
    images: newImageService(channel, timeoutMs),
    events: (eventOptions) => streamEvents(channel, eventOptions),
    close: () => channel.close(),
  }
}
