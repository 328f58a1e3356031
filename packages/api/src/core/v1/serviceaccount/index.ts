import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, integer, nameColumn } from "../../../printing/columns.ts"

const mountableSecrets = "kubernetes.io/enforce-mountable-secrets"

export const serviceAccount: KindBehaviour<corev1.ServiceAccount> = {
  warnings: ({ metadata }) =>
    metadata.annotations?.[mountableSecrets] === undefined
      ? []
      : [
          `metadata.annotations[${mountableSecrets}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
        ],
  columns: [nameColumn, integer("Secrets", ({ secrets }) => secrets?.length ?? 0), ageColumn],
}
