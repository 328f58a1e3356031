export { newProxy, type ProxyDeps, removeProxy } from "./proxy.ts"
