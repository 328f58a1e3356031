import type { KindDefinition } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import type { UserInfo } from "../authentication/authenticator.ts"

export type AdmissionOperation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT"

export interface AdmissionAttributes {
  operation: AdmissionOperation
  kind: KindDefinition
  /** Empty for the main resource. */
  subresource: string
  namespace: string
  name: string
  user: UserInfo
  dryRun: boolean
  /** The draft to be stored: mutating plugins change it in place. Undefined for DELETE. */
  object: KubeObject | undefined
  /** What is stored now; frozen. Undefined for CREATE. */
  previous: KubeObject | undefined
  /** Texts that become Warning headers. */
  warnings: string[]
}

/** One admission plugin. Throws a Status error (mostly 403 Forbidden) to refuse. */
export interface AdmissionPlugin {
  readonly name: string
  /** Cheap test, asked before anything else is done. */
  handles(attributes: AdmissionAttributes): boolean
  mutate?(attributes: AdmissionAttributes): Promise<void> | void
  validate?(attributes: AdmissionAttributes): Promise<void> | void
}
