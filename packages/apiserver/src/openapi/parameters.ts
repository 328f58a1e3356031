/** A parameter of an operation. */
export interface Parameter {
  readonly name: string
  readonly in: "query" | "path"
  readonly type: "string" | "integer" | "boolean"
  readonly description: string
}

const query = (name: string, type: Parameter["type"], description: string): [string, Parameter] => [
  name,
  { name, in: "query", type, description },
]
const path = (name: string, description: string): Parameter => ({ name, in: "path", type: "string", description })

const table = new Map([
  query("allowWatchBookmarks", "boolean", "Send BOOKMARK events, which carry a resourceVersion and no change."),
  query("command", "string", "The command to run, one argument each time the parameter is given. There is no shell."),
  query("container", "string", "The container; may be left out when the pod has one only."),
  query("continue", "string", "The token of an earlier answer: goes on behind its last item."),
  query("dryRun", "string", "`All`: do everything but keep nothing."),
  query("fieldManager", "string", "Who makes this change; at most 128 printable characters."),
  query("fieldSelector", "string", "Only objects whose fields match, as `metadata.name=x`."),
  query("fieldValidation", "string", "What becomes of unknown and repeated fields: `Ignore`, `Warn` or `Strict`."),
  query("follow", "boolean", "Go on sending what is written to the log."),
  query("force", "boolean", "Take fields over that others own. For apply patches alone."),
  query("gracePeriodSeconds", "integer", "How long the object may take to end; 0 deletes it at once."),
  query(
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "boolean",
    "Delete an object that cannot be read from the store, without its finalizers.",
  ),
  query("insecureSkipTLSVerifyBackend", "boolean", "Do not check the certificate of the node that has the log."),
  query("labelSelector", "string", "Only objects whose labels match, as `app=web,tier!=db`."),
  query("limit", "integer", "At most so many items; the answer's `continue` leads to the rest."),
  query("limitBytes", "integer", "At most so many bytes of the log."),
  query("orphanDependents", "boolean", "Deprecated: use propagationPolicy. Leave the dependents alone."),
  query("path", "string", "The path behind the proxy."),
  query("ports", "integer", "The ports to forward."),
  query("pretty", "string", "`true`: indent the answer."),
  query("previous", "boolean", "The log of the container's run before this one."),
  query("propagationPolicy", "string", "What becomes of dependents: `Orphan`, `Background` or `Foreground`."),
  query("resourceVersion", "string", "The version that the answer must show, or be newer than."),
  query("resourceVersionMatch", "string", "How resourceVersion is meant: `Exact` or `NotOlderThan`."),
  query("sendInitialEvents", "boolean", "Begin the watch with an ADDED event for each object there is."),
  query("sinceSeconds", "integer", "Only lines of the last so many seconds."),
  query("stderr", "boolean", "Attach standard error."),
  query("stdin", "boolean", "Attach standard input."),
  query("stdout", "boolean", "Attach standard output."),
  query("stream", "string", "The stream to read: `All`, `Stdout` or `Stderr`."),
  query("tailLines", "integer", "Only so many last lines."),
  query("timeoutSeconds", "integer", "End the list or watch after so long."),
  query("timestamps", "boolean", "Put the time in front of each line."),
  query("tty", "boolean", "Give the command a terminal."),
  query("watch", "boolean", "Send changes as they happen instead of a list."),
])

/** The query parameters of these names. Throws for one that is not described. */
export function queryParameters(names: readonly string[]): Parameter[] {
  return names.map((name) => {
    const parameter = table.get(name)
    if (!parameter) throw new Error(`no description of the query parameter ${name}`)
    return parameter
  })
}

export const nameParameter = (kind: string): Parameter => path("name", `The name of the ${kind}.`)
export const namespaceParameter = path("namespace", "The namespace.")
export const pathParameter = path("path", "The path behind the proxy.")

export const listQuery = [
  "allowWatchBookmarks",
  "continue",
  "fieldSelector",
  "labelSelector",
  "limit",
  "resourceVersion",
  "resourceVersionMatch",
  "sendInitialEvents",
  "timeoutSeconds",
  "watch",
]
export const writeQuery = ["dryRun", "fieldManager", "fieldValidation"]
export const patchQuery = [...writeQuery, "force"]
export const deleteQuery = [
  "dryRun",
  "gracePeriodSeconds",
  "ignoreStoreReadErrorWithClusterBreakingPotential",
  "orphanDependents",
  "propagationPolicy",
]
export const deleteCollectionQuery = [
  ...deleteQuery,
  ...listQuery.filter((name) => name !== "watch" && name !== "allowWatchBookmarks"),
]

/** What the connecting subresources take. */
export const connectQuery: Readonly<Record<string, readonly string[]>> = {
  attach: ["container", "stderr", "stdin", "stdout", "tty"],
  exec: ["command", "container", "stderr", "stdin", "stdout", "tty"],
  portforward: ["ports"],
  proxy: ["path"],
  log: [
    "container",
    "follow",
    "insecureSkipTLSVerifyBackend",
    "limitBytes",
    "previous",
    "sinceSeconds",
    "stream",
    "tailLines",
    "timestamps",
  ],
}
