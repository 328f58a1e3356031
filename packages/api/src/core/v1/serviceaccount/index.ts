import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, integer, nameColumn } from "../../../printing/columns.ts"

export const serviceAccount: KindBehaviour<corev1.ServiceAccount> = {
  columns: [nameColumn, integer("Secrets", ({ secrets }) => secrets?.length ?? 0), ageColumn],
}
