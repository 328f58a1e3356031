import { join } from "node:path"
import protobuf from "protobufjs"

/** One call of the runtime interface, as the gRPC library takes it. */
export interface Method {
  path: string
  serialize(request: object): Buffer
  deserialize(bytes: Buffer): object
}

/** The calls and messages of the runtime interface. */
export interface Definitions {
  methods: ReadonlyMap<string, Method>
  /** Undefined when there is no message of that name. */
  decoder(message: string): ((bytes: Buffer) => object) | undefined
}

const conversion: protobuf.IConversionOptions = {
  longs: String,
  enums: String,
  // Zero values are left out on the wire: put them back, so that "ready" and exit code 0 are there.
  defaults: true,
}

let definitions: Definitions | undefined

/**
 * Reads the interface's protos, once a process. Code for a message is made when it is first used: of some 200 messages
 * a node uses 30, and a loader that makes all of them takes a third of an agent's start.
 */
export function loadDefinitions(): Definitions {
  definitions ??= readDefinitions()
  return definitions
}

function readDefinitions(): Definitions {
  const root = new protobuf.Root()
  root.loadSync(["runtime.proto", "events.proto"].map((name) => join(import.meta.dirname, "protos", name)))
  root.resolveAll()
  const methods = new Map<string, Method>()
  for (const service of servicesOf(root)) {
    for (const method of service.methodsArray) {
      const request = method.resolvedRequestType as protobuf.Type
      const response = method.resolvedResponseType as protobuf.Type
      methods.set(method.name, {
        path: `/${service.fullName.slice(1)}/${method.name}`,
        serialize: (message) => request.encode(request.fromObject(message)).finish() as Buffer,
        deserialize: decoderOf(response),
      })
    }
  }
  return {
    methods,
    decoder(name) {
      const found = root.lookup(name, [protobuf.Type])
      return found instanceof protobuf.Type ? decoderOf(found) : undefined
    },
  }
}

const decoderOf =
  (type: protobuf.Type) =>
  (bytes: Buffer): object =>
    type.toObject(type.decode(bytes), conversion)

function servicesOf(namespace: protobuf.NamespaceBase): protobuf.Service[] {
  return namespace.nestedArray.flatMap((nested) => {
    if (nested instanceof protobuf.Service) return [nested]
    return nested instanceof protobuf.Namespace ? servicesOf(nested) : []
  })
}
