import type { corev1 } from "@ladya/api"
import type { RuntimeService } from "@ladya/cri"
import { type Clock, sleep } from "@ladya/util"
import { actionUrl, httpGet, resolvePort } from "../probes/http.ts"

export interface HookTarget {
  containerId: string
  /** Its ports, for actions that name one. */
  container: corev1.Container
  podIp: string
  signal: AbortSignal
}

/** Runs what a container asks for right after its start and right before its end. */
export interface HookRunner {
  /** Rejects when the hook failed. */
  run(hook: corev1.LifecycleHandler, target: HookTarget): Promise<void>
}

const userAgent = "kube-lifecycle/1.36"
const outputLimit = 1024

export function newHookRunner({ runtime, clock }: { runtime: RuntimeService; clock: Clock }): HookRunner {
  return {
    async run(hook, target) {
      if (hook.exec) {
        const command = hook.exec.command ?? []
        const result = await runtime.execSync(target.containerId, command, { signal: target.signal })
        if (result.exitCode === 0) return
        const output = Buffer.concat([result.stdout, result.stderr]).subarray(0, outputLimit).toString("utf8")
        throw new Error(`command ${JSON.stringify(command.join(" "))} exited with ${result.exitCode}: ${output}`)
      }
      if (hook.httpGet) {
        const url = actionUrl(hook.httpGet, target.podIp, resolvePort(hook.httpGet.port, target.container))
        const headers = hook.httpGet.httpHeaders ?? []
        // The grace period, not the hook, decides how long to wait.
        await httpGet({ url, headers, userAgent, timeoutMs: 2 ** 31 - 1, signal: target.signal }, clock)
        return
      }
      if (hook.sleep) {
        await sleep(clock, hook.sleep.seconds * 1000, target.signal)
        return
      }
      throw new Error("invalid handler: it has no action")
    },
  }
}
