export { deviceClass } from "./device-class.ts"
export { deviceTaintRule, resourcePoolStatusRequest } from "./device-taint-rule.ts"
export { resourceClaim, resourceClaimTemplate } from "./resource-claim.ts"
export { resourceSlice } from "./resource-slice.ts"
