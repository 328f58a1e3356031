import type { Handler } from "../../request.ts"

/** What `/version` says: the Kubernetes version whose API this is. */
export const versionInfo = {
  major: "1",
  minor: "36",
  emulationMajor: "1",
  emulationMinor: "36",
  minCompatibilityMajor: "1",
  minCompatibilityMinor: "35",
  gitVersion: "v1.36.0+ladya",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "2026-04-22T00:00:00Z",
  // Clients show it as it is; there is no Go here.
  goVersion: `node${process.versions.node}`,
  compiler: "node",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
}

/** Answers `/version`; `gitCommit` is the state of the source that runs, empty when unknown. */
export function newVersionHandler(gitCommit: string): Handler {
  const body = Buffer.from(JSON.stringify({ ...versionInfo, gitCommit }, undefined, 2))
  return async () => ({ status: 200, headers: { "Content-Type": "application/json" }, body })
}
