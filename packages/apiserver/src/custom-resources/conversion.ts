import type { apiextensionsv1, CustomKind, KindDefinition } from "@ladya/api"
import { apiVersionOf, type KubeObject, parseApiVersion, semanticEqual, shapedObject } from "@ladya/apimachinery"
import type { WebhookCaller } from "../webhooks/caller.ts"
import { schemaOf } from "./schemas.ts"
import { newWebhookConversion } from "./webhook-conversion.ts"

type Definition = apiextensionsv1.CustomResourceDefinition
type Version = apiextensionsv1.CustomResourceDefinitionVersion

export interface ConversionDeps {
  webhooks: WebhookCaller
  /** Whether the definition is being deleted. */
  isTerminating(): boolean
}

export type Conversion = Pick<KindDefinition, "toStorage" | "fromStorage"> & Pick<CustomKind, "revise" | "convert">

const inVersion = (object: KubeObject, apiVersion: string): KubeObject =>
  object.apiVersion === apiVersion ? object : { ...object, apiVersion }

const identity = (object: KubeObject): KubeObject => object

/** How one version of a custom resource comes out of what is kept, and goes into it. */
export function newConversion(
  definition: Definition,
  version: Version,
  storage: Version,
  deps: ConversionDeps,
): Conversion {
  const { group = "" } = definition.spec ?? {}
  const own = apiVersionOf({ group, version: version.name })
  const kept = apiVersionOf({ group, version: storage.name })
  if (definition.spec?.conversion?.strategy === "Webhook") {
    const ask = newWebhookConversion(definition, own, deps.webhooks)
    return {
      toStorage: identity,
      fromStorage: identity,
      revise: (object) => revised(object, ownSchema(definition, object)),
      async convert(objects) {
        const converted = await ask(objects)
        const schema = schemaOf(version)
        // What was in this version already is in its shape.
        return converted.map((object, index) => (object === objects[index] ? object : shapedObject(schema, object)))
      },
    }
  }
  const schema = schemaOf(version)
  const isSame = version === storage || semanticEqual(schema, schemaOf(storage))
  return {
    toStorage: (object) => inVersion(object, kept),
    fromStorage: isSame ? (object) => inVersion(object, own) : reshaping(version, own),
    revise: (object) => revised(inVersion(object, kept), storage, object),
  }
}

/** Out of the stored version into one with another schema; each object is brought into its shape once. */
function reshaping(version: Version, apiVersion: string): (object: KubeObject) => KubeObject {
  const made = new WeakMap<KubeObject, KubeObject>()
  return (object) => {
    let found = made.get(object)
    if (!found) {
      found = shapedObject(schemaOf(version), inVersion(object, apiVersion))
      made.set(object, found)
    }
    return found
  }
}

const ownSchema = ({ spec }: Definition, object: KubeObject): Version | undefined => {
  const { version } = parseApiVersion(object.apiVersion)
  return spec?.versions.find(({ name }) => name === version)
}

function revised(object: KubeObject, version: Version | undefined, before = object): KubeObject | undefined {
  if (!version) return undefined
  const shaped = shapedObject(schemaOf(version), object)
  return semanticEqual(shaped, before) ? undefined : shaped
}
