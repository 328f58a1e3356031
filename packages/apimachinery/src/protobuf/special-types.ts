import { formatMicroTime, formatTime } from "../objects/time.ts"
import { ProtobufError, type ProtobufReader } from "./reader.ts"

/** Reads a message as the JSON value that stands for it; undefined when it stands for nothing. */
export type ReadMessage = (reader: ProtobufReader) => unknown

const decoder = new TextDecoder()

/** JSON kept as bytes in one field. */
function rawJson(reader: ProtobufReader): unknown {
  let value: unknown
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip()
      continue
    }
    const text = decoder.decode(reader.bytes())
    if (text === "") continue
    try {
      value = JSON.parse(text)
    } catch (error) {
      throw new ProtobufError(error instanceof Error ? error.message : String(error))
    }
  }
  return value
}

/** A number cannot hold today's milliseconds to the microsecond: those of the second are written apart. */
function microTime(seconds: number, nanos: number): string {
  const whole = formatMicroTime(seconds * 1000)
  return `${whole.slice(0, -7)}${String(Math.floor(nanos / 1000)).padStart(6, "0")}Z`
}

const time =
  (format: (seconds: number, nanos: number) => string): ReadMessage =>
  (reader) => {
    let seconds: number | undefined
    let nanos = 0
    while (reader.next()) {
      if (reader.field === 1) seconds = reader.integer()
      else if (reader.field === 2) nanos = reader.integer()
      else reader.skip()
    }
    // An empty message is the time that was never set; so is the year 1, where Go's clock begins.
    if (seconds === undefined || seconds === -62135596800) return undefined
    if (Math.abs(seconds) > 253402300799) throw new ProtobufError("time is out of range")
    return format(seconds, nanos)
  }

function quantity(reader: ProtobufReader): unknown {
  let text = ""
  while (reader.next()) {
    if (reader.field === 1) text = reader.string()
    else reader.skip()
  }
  return text || "0"
}

function intOrString(reader: ProtobufReader): unknown {
  let type = 0
  let int = 0
  let text = ""
  while (reader.next()) {
    if (reader.field === 1) type = reader.integer()
    else if (reader.field === 2) int = reader.integer()
    else if (reader.field === 3) text = reader.string()
    else reader.skip()
  }
  return type === 1 ? text : int
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."

/** Types whose JSON is not an object of their fields. */
export const specialMessages: Readonly<Record<string, ReadMessage>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": quantity,
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": intOrString,
  "io.k8s.apimachinery.pkg.runtime.RawExtension": rawJson,
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": rawJson,
  [`${meta}FieldsV1`]: rawJson,
  [`${meta}Time`]: time((seconds) => formatTime(seconds * 1000)),
  [`${meta}MicroTime`]: time(microTime),
}
