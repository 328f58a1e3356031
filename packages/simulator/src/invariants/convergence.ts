import type { Invariant, World } from "./invariant.ts"

/** When all nodes are back and nothing happens any more, every workload has what it asked for: no pod was lost. */
export function newConvergence(): Invariant {
  let checks = 0
  const compare = (name: string, has: number, wanted: number): string[] => {
    checks++
    return has === wanted ? [] : [`${name} has ${has} of ${wanted} pods ready after everything came to rest`]
  }
  return {
    name: "every workload comes to what it asked for",
    get checks() {
      return checks
    },
    atEnd({ deployments, statefulSets, jobs }: World) {
      return [
        ...deployments
          .list()
          .flatMap(({ metadata, spec, status }) =>
            compare(
              `deployment ${metadata.namespace}/${metadata.name}`,
              status?.readyReplicas ?? 0,
              spec?.replicas ?? 1,
            ),
          ),
        ...statefulSets
          .list()
          .flatMap(({ metadata, spec, status }) =>
            compare(
              `statefulset ${metadata.namespace}/${metadata.name}`,
              status?.readyReplicas ?? 0,
              spec?.replicas ?? 1,
            ),
          ),
        ...jobs.list().flatMap(({ metadata, spec, status }) => {
          const ended = status?.conditions?.some(
            ({ type, status: is }) => is === "True" && (type === "Complete" || type === "Failed"),
          )
          if (!ended || spec?.suspend) return []
          const failed = status?.conditions?.some(({ type, status: is }) => is === "True" && type === "Failed")
          if (failed) return []
          return compare(
            `job ${metadata.namespace}/${metadata.name}`,
            status?.succeeded ?? 0,
            spec?.completions ?? status?.succeeded ?? 0,
          )
        }),
      ]
    },
  }
}
