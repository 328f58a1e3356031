export { metricsGroup, metricsTypes, metricsVersion, nodeMetricsKind, podMetricsKind } from "./kinds.ts"
export { type MetricsApi, newMetricsApi } from "./metrics-api.ts"
