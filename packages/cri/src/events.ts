import type { Channel } from "./channel.ts"
import { nanosToMs } from "./decode.ts"
import type { RuntimeEvent } from "./types.ts"

interface Envelope {
  topic: string
  event: { value: Buffer } | null
}

interface Timestamp {
  seconds: string
  nanos: number
}

const prefix = "containerd.services.events.v1"

interface Decoder {
  message: string
  convert(payload: unknown): RuntimeEvent | undefined
}

const task = (type: "taskCreated" | "taskStarted" | "taskOom"): Decoder => ({
  message: `${prefix}.TaskEvent`,
  convert: (payload) => ({ type, containerId: (payload as { containerId: string }).containerId }),
})

const container = (type: "containerCreated" | "containerDeleted"): Decoder => ({
  message: `${prefix}.ContainerEvent`,
  convert: (payload) => ({ type, containerId: (payload as { id: string }).id }),
})

const image = (type: "imageCreated" | "imageUpdated" | "imageDeleted"): Decoder => ({
  message: `${prefix}.ImageEvent`,
  convert: (payload) => ({ type, image: (payload as { name: string }).name }),
})

const decoders: Record<string, Decoder> = {
  "/tasks/create": task("taskCreated"),
  "/tasks/start": task("taskStarted"),
  "/tasks/oom": task("taskOom"),
  "/tasks/exit": {
    message: `${prefix}.TaskExit`,
    convert(payload) {
      const exit = payload as { containerId: string; id: string; exitStatus: number; exitedAt: Timestamp | null }
      // An exec inside the container ended, not the container.
      if (exit.id !== "" && exit.id !== exit.containerId) return undefined
      const { seconds, nanos } = exit.exitedAt ?? { seconds: "0", nanos: 0 }
      return {
        type: "taskExited",
        containerId: exit.containerId,
        exitCode: exit.exitStatus,
        exitedAtMs: Number(seconds) * 1000 + nanosToMs(nanos),
      }
    },
  },
  "/tasks/delete": {
    message: `${prefix}.TaskDelete`,
    convert(payload) {
      const deleted = payload as { containerId: string; id: string }
      if (deleted.id !== "" && deleted.id !== deleted.containerId) return undefined
      return { type: "taskDeleted", containerId: deleted.containerId }
    },
  },
  "/containers/create": container("containerCreated"),
  "/containers/delete": container("containerDeleted"),
  "/images/create": image("imageCreated"),
  "/images/update": image("imageUpdated"),
  "/images/delete": image("imageDeleted"),
}

/** containerd's events of the namespace that the runtime interface keeps its containers in. */
export async function* streamEvents(
  channel: Channel,
  options: { signal: AbortSignal; onConnected?: () => void },
): AsyncIterable<RuntimeEvent> {
  const filters = ["tasks", "containers", "images"].map((kind) => `namespace==k8s.io,topic~=^/${kind}/`)
  for await (const message of channel.stream("Subscribe", { filters }, options)) {
    const envelope = message as Envelope
    const decoder = decoders[envelope.topic]
    if (!decoder || !envelope.event) continue
    const event = decoder.convert(channel.decode(decoder.message, envelope.event.value))
    if (event) yield event
  }
}
