export type { SetUpRequest, SetUpResult, VolumePlugin } from "./plugin.ts"
export { type SubPathRequest, type VolumeFailure, type VolumeManager, VolumeMountError } from "./types.ts"
