import type { KindDefinition } from "@ladya/api"
import type { GroupVersionKind, KubeObject } from "@ladya/apimachinery"
import type { UserInfo } from "../authentication/authenticator.ts"

export type AdmissionOperation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT"

export interface AdmissionAttributes {
  operation: AdmissionOperation
  /** The stored version of the resource: objects are in it. */
  kind: KindDefinition
  /** The version in which the client asked. */
  requested: KindDefinition
  /** Empty for the main resource. */
  subresource: string
  namespace: string
  /** Empty while the name of a new object is not made up yet. */
  name: string
  user: UserInfo
  dryRun: boolean
  /** The draft to be stored: mutating plugins change it in place. Undefined for DELETE. */
  object: KubeObject | undefined
  /** What is stored now; frozen. Undefined for CREATE. */
  previous: KubeObject | undefined
  /** Set when `object` is not what is stored but what a subresource shows or asks for (a Scale, a Binding, how to attach): its kind. */
  view: GroupVersionKind | undefined
  /** One step of a request that was admitted as a whole. */
  isPart: boolean
  /** The options of the request (CreateOptions …), as an object of the API. */
  options(): object
  /** Texts that become Warning headers. */
  warnings: string[]
  /** Leaves a note for the audit. */
  annotate(key: string, value: string): void
  /** Ends when the client goes away. */
  signal: AbortSignal
  reinvocation: Reinvocation
  /** Called when the write has ended, whether anything was stored or not. Plugins add to it. */
  whenDone?: (() => void)[]
}

/** Whether plugins that change objects are asked once more, because one of them changed what another had seen. */
export interface Reinvocation {
  /** This is the second time. */
  isSecond: boolean
  isWanted: boolean
  /** What plugins remember between the two times, by their names. */
  memory?: Map<string, unknown>
}

/** One admission plugin. Throws a Status error (mostly 403 Forbidden) to refuse. */
export interface AdmissionPlugin {
  readonly name: string
  /** Cheap test, asked before anything else is done. */
  handles(attributes: AdmissionAttributes): boolean
  mutate?(attributes: AdmissionAttributes): Promise<void> | void
  validate?(attributes: AdmissionAttributes): Promise<void> | void
}
