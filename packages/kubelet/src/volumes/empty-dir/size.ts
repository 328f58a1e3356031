import type { corev1 } from "@ladya/api"
import { quantityToNumber } from "@ladya/apimachinery"

function memoryLimit(container: corev1.Container): number {
  return quantityToNumber(container.resources?.limits?.["memory"] ?? 0)
}

/** The memory a pod is limited to, in bytes: its containers' sum, or the largest init container; 0 for no limit. */
export function podMemoryLimit(pod: corev1.Pod): number {
  const ownLimit = pod.spec?.resources?.limits?.["memory"]
  if (ownLimit !== undefined) return quantityToNumber(ownLimit)
  const sum = (pod.spec?.containers ?? []).reduce((total, container) => total + memoryLimit(container), 0)
  return Math.max(sum, ...(pod.spec?.initContainers ?? []).map(memoryLimit))
}

/** Bytes for an emptyDir in memory: the least of what the node may give, the pod's limit and its own `sizeLimit`. */
export function memorySizeLimit(spec: corev1.EmptyDirVolumeSource, pod: corev1.Pod, allocatableBytes: number): number {
  const own = quantityToNumber(spec.sizeLimit ?? 0)
  const limits = [allocatableBytes, podMemoryLimit(pod), own].filter((limit) => limit > 0)
  return Math.floor(Math.min(...limits))
}

/**
 * The page size to mount hugetlbfs with, such as `2M`. The medium is `HugePages-2Mi`, or `HugePages` when the pod uses
 * one size only.
 */
export function hugePageSize(medium: string, pod: corev1.Pod): string {
  const named = /^HugePages-(\d+[KMG])i$/.exec(medium)
  if (named) return named[1] as string
  const sizes = new Set(
    (pod.spec?.containers ?? []).flatMap((container) =>
      Object.keys({ ...container.resources?.requests, ...container.resources?.limits })
        .filter((name) => name.startsWith("hugepages-"))
        .map((name) => name.slice("hugepages-".length)),
    ),
  )
  const [size] = sizes
  if (!size) throw new Error("medium HugePages needs a container that asks for huge pages")
  if (sizes.size > 1) throw new Error("medium HugePages needs a page size when the pod uses several")
  return size.replace(/i$/, "")
}
