export type { ImageCollector, ImageGcPolicy } from "./image-gc.ts"
