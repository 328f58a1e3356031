import { type Json, serveJson } from "../https-json.ts"

interface CustomObject extends Json {
  apiVersion: string
}

/** One object from a version to another: `hostPort` of v1 is `host` and `port` of v2. */
function convert(object: CustomObject, desired: string): CustomObject {
  if (object.apiVersion === desired) return object
  const converted: CustomObject = { ...object, apiVersion: desired }
  if (desired.endsWith("/v2") && typeof object["hostPort"] === "string") {
    const [host, port] = object["hostPort"].split(":")
    delete converted["hostPort"]
    return { ...converted, host, port }
  }
  if (desired.endsWith("/v1") && typeof object["host"] === "string") {
    delete converted["host"]
    delete converted["port"]
    return { ...converted, hostPort: `${object["host"]}:${String(object["port"])}` }
  }
  return converted
}

/** A conversion webhook server for custom resources: ConversionReview of apiextensions.k8s.io/v1 at `/crdconvert`. */
export function run(args: string[]): void {
  serveJson(args, {
    "/crdconvert": (body) => {
      const request = body["request"] as { uid: string; desiredAPIVersion: string; objects: CustomObject[] }
      return {
        apiVersion: body["apiVersion"],
        kind: "ConversionReview",
        response: {
          uid: request.uid,
          convertedObjects: request.objects.map((object) => convert(object, request.desiredAPIVersion)),
          result: { status: "Success" },
        },
      }
    },
  })
}
