export { returnsDeletedObject } from "./deletion.ts"
export { isOpenApiPath, newOpenApiHandler, type OpenApiDeps } from "./handler.ts"
