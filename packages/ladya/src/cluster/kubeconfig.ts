import { type Document, isMap, isSeq, parseDocument, YAMLSeq } from "yaml"
import { LadyaError } from "../errors.ts"

/** One way into one cluster, everything embedded. */
export interface KubeconfigEntry {
  /** The name of cluster, user and context. */
  name: string
  /** `https://host:port` */
  server: string
  caPem: string | Buffer
  certPem: string | Buffer
  keyPem: string | Buffer
}

const base64 = (pem: string | Buffer): string => Buffer.from(pem).toString("base64")

/** The context of a cluster in a person's kubeconfig. */
export function contextName(cluster: string): string {
  return cluster === "ladya" ? "ladya" : `ladya-${cluster}`
}

/** A kubeconfig of this one entry. */
export function newKubeconfigText(entry: KubeconfigEntry): string {
  return mergeEntry("", entry)
}

/** Adds an entry to a kubeconfig's text, or replaces the one of its name, and makes it current. All else stays as it is. */
export function mergeEntry(text: string, entry: KubeconfigEntry): string {
  const document = read(text)
  const { name } = entry
  const sections: [string, Record<string, unknown>][] = [
    ["clusters", { name, cluster: { server: entry.server, "certificate-authority-data": base64(entry.caPem) } }],
    ["users", { name, user: userOf(entry) }],
    ["contexts", { name, context: { cluster: name, user: name } }],
  ]
  for (const [section, value] of sections) {
    const list = sectionOf(document, section)
    list.items = list.items.filter((item) => nameOf(item) !== name)
    list.add(document.createNode(value))
  }
  document.set("current-context", name)
  return document.toString({ lineWidth: 0 })
}

function userOf(entry: KubeconfigEntry): Record<string, string> {
  return { "client-certificate-data": base64(entry.certPem), "client-key-data": base64(entry.keyPem) }
}

/** Takes the entry of this name out of a kubeconfig's text. */
export function removeEntry(text: string, name: string): string {
  const document = read(text)
  for (const section of ["clusters", "users", "contexts"]) {
    const list = sectionOf(document, section)
    list.items = list.items.filter((item) => nameOf(item) !== name)
  }
  if (document.get("current-context") === name) document.set("current-context", "")
  return document.toString({ lineWidth: 0 })
}

/** Whether nothing is left in a kubeconfig that a person could want. */
export function isEmptyKubeconfig(text: string): boolean {
  const document = read(text)
  return ["clusters", "users", "contexts"].every((section) => sectionOf(document, section).items.length === 0)
}

function read(text: string): Document {
  const document: Document = parseDocument(text)
  if (document.errors.length > 0) {
    throw new LadyaError(`the kubeconfig is not valid YAML: ${document.errors[0]?.message}`)
  }
  if (document.contents === null) {
    document.contents = document.createNode({ apiVersion: "v1", kind: "Config" })
  }
  if (!isMap(document.contents)) throw new LadyaError("the kubeconfig is not a mapping")
  return document
}

function sectionOf(document: Document, name: string): YAMLSeq {
  const present = document.get(name)
  if (isSeq(present)) {
    // `[]` in a file that kubectl emptied is to become a list in block style.
    present.flow = false
    return present
  }
  const list = new YAMLSeq()
  document.set(name, list)
  return list
}

function nameOf(item: unknown): unknown {
  return isMap(item) ? item.get("name") : undefined
}
