import assert from "node:assert/strict"
import { test } from "node:test"
import { Mutex } from "@ladya/util"
import type { Kubectl } from "./smoke.ts"

/** The nodes are all versions' own: one at a time works on them. */
const nodesInUse = new Mutex()

/** Nodes taken out of use and back. */
export function nodeTests(kubectl: Kubectl): void {
  const k = (line: string) => kubectl().line(line)

  test("cordon, drain, uncordon, taint and label a node", () => nodesInUse.run(useNode))

  async function useNode(): Promise<void> {
    const nodes = (await k("get nodes -o jsonpath={.items[*].metadata.name}")).split(" ")
    const node = nodes[1] as string
    try {
      assert.match(await k(`cordon ${node}`), /cordoned/)
      assert.match(await k(`get node ${node}`), /Ready,SchedulingDisabled/)
      assert.match(await k(`drain ${node} --pod-selector=app=web --timeout=60s`), /drained/)
      const left = await k(`get pods -l app=web --field-selector spec.nodeName=${node} -o name`)
      assert.equal(left, "")
      await k("rollout status deployment/web --timeout=60s")
    } finally {
      assert.match(await k(`uncordon ${node}`), /uncordoned/)
    }
    await k(`taint node ${node} seen=yes:PreferNoSchedule`)
    assert.match(await k(`describe node ${node}`), /Taints: +seen=yes:PreferNoSchedule/)
    await k(`taint node ${node} seen-`)
    await k(`label node ${node} seen=yes`)
    assert.equal(await k("get nodes -l seen=yes -o name"), `node/${node}\n`)
    await k(`label node ${node} seen-`)
  }
}
