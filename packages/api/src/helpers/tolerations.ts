import type * as corev1 from "../generated/types/corev1.ts"

/** Whether this toleration puts up with this taint. */
export function tolerates(toleration: corev1.Toleration, taint: corev1.Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  switch (toleration.operator ?? "Equal") {
    case "Exists":
      return true
    case "":
    case "Equal":
      return (toleration.value ?? "") === (taint.value ?? "")
    case "Lt":
      return compareIntegers(taint.value, toleration.value, (taintValue, own) => taintValue < own)
    case "Gt":
      return compareIntegers(taint.value, toleration.value, (taintValue, own) => taintValue > own)
    default:
      return false
  }
}

const integer = /^-?(?:0|[1-9]\d*)$/

function compareIntegers(
  a: string | undefined,
  b: string | undefined,
  compare: (a: bigint, b: bigint) => boolean,
): boolean {
  if (a === undefined || b === undefined || !integer.test(a) || !integer.test(b)) return false
  return compare(BigInt(a), BigInt(b))
}

/** Whether any of the tolerations puts up with the taint. */
export function toleratesTaint(tolerations: readonly corev1.Toleration[] | undefined, taint: corev1.Taint): boolean {
  return tolerations?.some((toleration) => tolerates(toleration, taint)) ?? false
}

/** The first taint with one of these effects that is not tolerated. */
export function findUntoleratedTaint(
  taints: readonly corev1.Taint[] | undefined,
  tolerations: readonly corev1.Toleration[] | undefined,
  effects: readonly string[],
): corev1.Taint | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !toleratesTaint(tolerations, taint))
}
