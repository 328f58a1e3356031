import type { corev1 } from "@ladya/api"
import { setCondition } from "@ladya/apimachinery"

/** What emptying a namespace came to. */
export interface Remainder {
  /** How many objects there are still, by `resource.group`. */
  resources: ReadonlyMap<string, number>
  /** In how many objects each finalizer stands still. */
  finalizers: ReadonlyMap<string, number>
  /** What went wrong, one text for each. */
  errors: readonly string[]
  /** Why the resources of a group version are not known: there may be more content. */
  undiscovered: ReadonlyMap<string, string>
}

export function isEmpty(remainder: Remainder): boolean {
  const { resources, errors, undiscovered } = remainder
  return resources.size === 0 && errors.length === 0 && undiscovered.size === 0
}

/** The conditions that tell a user why a namespace is not gone yet. */
export function terminationConditions(
  current: readonly corev1.NamespaceCondition[] | undefined,
  remainder: Remainder,
  now: number,
): corev1.NamespaceCondition[] {
  const { resources, finalizers, errors, undiscovered } = remainder
  const listed = (entries: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string =>
    [...entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => text(name, count))
      .join(", ")
  const wanted = [
    undiscovered.size > 0
      ? {
          type: "NamespaceDeletionDiscoveryFailure",
          status: "True",
          reason: "DiscoveryFailed",
          message: `Discovery failed for some groups, ${undiscovered.size} failing: unable to retrieve the complete list of server APIs: ${[
            ...undiscovered,
          ]
            .map(([groupVersion, why]) => `${groupVersion}: ${why}`)
            .sort()
            .join(", ")}`,
        }
      : {
          type: "NamespaceDeletionDiscoveryFailure",
          status: "False",
          reason: "ResourcesDiscovered",
          message: "All resources successfully discovered",
        },
    {
      type: "NamespaceDeletionGroupVersionParsingFailure",
      status: "False",
      reason: "ParsedGroupVersions",
      message: "All legacy kube types successfully parsed",
    },
    errors.length > 0
      ? {
          type: "NamespaceDeletionContentFailure",
          status: "True",
          reason: "ContentDeletionFailed",
          message: `Failed to delete all resource types, ${errors.length} remaining: ${errors.join(", ")}`,
        }
      : {
          type: "NamespaceDeletionContentFailure",
          status: "False",
          reason: "ContentDeleted",
          message: "All content successfully deleted, may be waiting on finalization",
        },
    resources.size > 0
      ? {
          type: "NamespaceContentRemaining",
          status: "True",
          reason: "SomeResourcesRemain",
          message: `Some resources are remaining: ${listed(resources, (name, count) => `${name} has ${count} resource instances`)}`,
        }
      : {
          type: "NamespaceContentRemaining",
          status: "False",
          reason: "ContentRemoved",
          message: "All content successfully removed",
        },
    finalizers.size > 0
      ? {
          type: "NamespaceFinalizersRemaining",
          status: "True",
          reason: "SomeFinalizersRemain",
          message: `Some content in the namespace has finalizers remaining: ${listed(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
        }
      : {
          type: "NamespaceFinalizersRemaining",
          status: "False",
          reason: "ContentHasNoFinalizers",
          message: "All content-preserving finalizers finished",
        },
  ]
  let conditions: readonly corev1.NamespaceCondition[] = current ?? []
  for (const condition of wanted) conditions = setCondition(conditions, condition, now)
  return [...conditions]
}
