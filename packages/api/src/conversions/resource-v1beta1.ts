import type * as v1 from "../generated/types/resourcev1.ts"
import type * as beta from "../generated/types/resourcev1beta1.ts"
import { compact } from "../objects.ts"

// Validation comes after conversion: what is required may still be missing here.
// v1beta1 writes a request's exact part inline and a device's properties below `basic`; v1 has them the other way round.

function specToV1(spec: beta.ResourceClaimSpec): v1.ResourceClaimSpec {
  if (!spec?.devices?.requests) return spec as v1.ResourceClaimSpec
  const requests = spec.devices.requests.map(({ name, firstAvailable, ...exact }): v1.DeviceRequest => {
    const exactly = { ...exact, deviceClassName: exact.deviceClassName ?? "" }
    const hasExact = Object.keys(exact).length > 0 || !firstAvailable
    return compact({ name, exactly: hasExact ? exactly : undefined, firstAvailable })
  })
  return { ...spec, devices: { ...spec.devices, requests } }
}

function specFromV1(spec: v1.ResourceClaimSpec): beta.ResourceClaimSpec {
  if (!spec?.devices?.requests) return spec as beta.ResourceClaimSpec
  const requests = spec.devices.requests.map(
    ({ name, firstAvailable, exactly }): beta.DeviceRequest => compact({ name, ...exactly, firstAvailable }),
  )
  return { ...spec, devices: { ...spec.devices, requests } }
}

export function claimToV1(claim: beta.ResourceClaim): v1.ResourceClaim {
  return { ...claim, apiVersion: "resource.k8s.io/v1", spec: specToV1(claim.spec) }
}

export function claimFromV1(claim: v1.ResourceClaim): beta.ResourceClaim {
  return { ...claim, apiVersion: "resource.k8s.io/v1beta1", spec: specFromV1(claim.spec) }
}

export function claimTemplateToV1(template: beta.ResourceClaimTemplate): v1.ResourceClaimTemplate {
  return {
    ...template,
    apiVersion: "resource.k8s.io/v1",
    spec: { ...template.spec, spec: specToV1(template.spec?.spec) },
  }
}

export function claimTemplateFromV1(template: v1.ResourceClaimTemplate): beta.ResourceClaimTemplate {
  return {
    ...template,
    apiVersion: "resource.k8s.io/v1beta1",
    spec: { ...template.spec, spec: specFromV1(template.spec?.spec) },
  }
}

export function sliceToV1(slice: beta.ResourceSlice): v1.ResourceSlice {
  const { devices, ...spec } = slice.spec ?? {}
  return {
    ...slice,
    apiVersion: "resource.k8s.io/v1",
    spec: devices ? { ...spec, devices: devices.map(({ name, basic }) => ({ name, ...basic })) } : spec,
  }
}

export function sliceFromV1(slice: v1.ResourceSlice): beta.ResourceSlice {
  const { devices, ...spec } = slice.spec ?? {}
  return {
    ...slice,
    apiVersion: "resource.k8s.io/v1beta1",
    spec: devices ? { ...spec, devices: devices.map(({ name, ...basic }) => ({ name, basic })) } : spec,
  }
}
