/**
 * Node's `node:http`. Written as an `import` it costs every process that starts some 50 ms: an import reads every export
 * of the module, and reading `http.WebSocket` loads Node's whole fetch implementation, which nothing here uses.
 */
export const http: typeof import("node:http") = process.getBuiltinModule("node:http")
