import { kindByGvk } from "@ladya/api"
import { isStatus, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { parseAllDocuments } from "yaml"
import { LadyaError } from "../errors.ts"

/** The objects of a manifest file. */
export function readManifest(text: string): KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null)
}

/** Creates objects in order; what is there already is brought to what the manifest says. */
export async function applyObjects(client: Client, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    const resource = client.resource(refOf(object))
    const { name = "", namespace } = object.metadata
    try {
      await resource.create(object, { fieldManager: "ladya-demo" })
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error
      await resource.patch(name, "merge", object, {
        fieldManager: "ladya-demo",
        ...(namespace === undefined ? {} : { namespace }),
      })
    }
  }
}

function refOf(object: KubeObject): ResourceRef {
  const [version = "", group = ""] = (object.apiVersion ?? "").split("/").reverse()
  const kind = kindByGvk({ group, version, kind: object.kind ?? "" })
  if (!kind) throw new LadyaError(`there is no kind ${object.kind} in ${object.apiVersion}`)
  return { group, version, resource: kind.resource, kind: kind.kind, namespaced: kind.namespaced }
}
