import type { KubeObject } from "@ladya/apimachinery"
import { eventFromCore, eventToCore } from "./conversions/event.ts"
import { hpaFromV2, hpaToV2 } from "./conversions/horizontal-pod-autoscaler.ts"
import {
  claimFromV1,
  claimTemplateFromV1,
  claimTemplateToV1,
  claimToV1,
  sliceFromV1,
  sliceToV1,
} from "./conversions/resource-v1beta1.ts"

/** Functions between a served version and the stored one. They never write to their argument; apiVersion and kind are set by the caller. */
export interface Conversion {
  toStorage(object: KubeObject): KubeObject
  fromStorage(object: KubeObject): KubeObject
}

function conversion<A extends KubeObject, B extends KubeObject>(
  to: (object: A) => B,
  from: (object: B) => A,
): Conversion {
  return { toStorage: (object) => to(object as A), fromStorage: (object) => from(object as B) }
}

/** Where a resource that is served by another group as well is kept: `group/resource` → group and version. */
export const sharedStorage: Readonly<Record<string, { group: string; version: string }>> = {
  "events.k8s.io/events": { group: "", version: "v1" },
}

/** Versions whose shape differs from the stored one, by `group/version/Kind`. All others differ in apiVersion alone. */
export const conversions: Readonly<Record<string, Conversion>> = {
  "events.k8s.io/v1/Event": conversion(eventToCore, eventFromCore),
  "autoscaling/v1/HorizontalPodAutoscaler": conversion(hpaToV2, hpaFromV2),
  "resource.k8s.io/v1beta1/ResourceClaim": conversion(claimToV1, claimFromV1),
  "resource.k8s.io/v1beta1/ResourceClaimTemplate": conversion(claimTemplateToV1, claimTemplateFromV1),
  "resource.k8s.io/v1beta1/ResourceSlice": conversion(sliceToV1, sliceFromV1),
}
