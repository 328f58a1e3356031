import assert from "node:assert/strict"
import { conformance } from "../support/registry.ts"
import { createPrimary, newKubectl, primaryService } from "./kubectl.ts"

conformance(
  "[sig-cli] Kubectl client Kubectl api-versions should check if v1 is in available api versions [Conformance]",
  async (t) => {
    assert.ok((await t.kubectl(["api-versions"])).split("\n").includes("v1"))
  },
)

conformance(
  "[sig-cli] Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info [Conformance]",
  async (t) => {
    const said = await t.kubectl(["cluster-info"])
    assert.match(said, /Kubernetes control plane/)
    assert.match(said, /is running at/)
  },
)

conformance("[sig-cli] Kubectl client Kubectl version should check is all data is printed [Conformance]", async (t) => {
  const said = await t.kubectl(["version"])
  for (const line of ["Client Version: ", "Server Version: "]) assert.ok(said.includes(line), said)
  const versions = JSON.parse(await t.kubectl(["version", "-o", "json"])) as Record<string, Record<string, string>>
  for (const side of ["clientVersion", "serverVersion"]) {
    for (const field of [
      "major",
      "minor",
      "gitVersion",
      "gitCommit",
      "gitTreeState",
      "buildDate",
      "goVersion",
      "compiler",
      "platform",
    ]) {
      assert.ok(versions[side]?.[field], `${side} has no ${field}`)
    }
  }
})

conformance(
  "[sig-cli] Kubectl client Kubectl describe should check if kubectl describe prints relevant information for rc and pods [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const kubectl = newKubectl(t, namespace)
    const pod = await createPrimary(t, namespace)
    await kubectl("create -f -", primaryService)

    /** Each line: what begins it, and what must follow on it. */
    const tells = (text: string, lines: readonly (readonly string[])[]): void => {
      for (const words of lines) {
        const isThere = text.split("\n").some((line) => {
          let from = 0
          return words.every((word) => {
            const at = line.indexOf(word, from)
            from = at + word.length
            return at >= 0
          })
        })
        assert.ok(isThere, `no line with ${words.join(" … ")} in:\n${text}`)
      }
    }
    tells(await kubectl(`describe pod ${pod.metadata.name}`), [
      ["Name:", "agnhost-primary-"],
      ["Namespace:", namespace],
      ["Node:"],
      ["Labels:", "app=agnhost"],
      ["role=primary"],
      ["Annotations:"],
      ["Status:", "Running"],
      ["IP:"],
      ["Controlled By:", "ReplicationController/agnhost-primary"],
      ["Image:", "busybox"],
      ["State:", "Running"],
      ["QoS Class:", "BestEffort"],
    ])
    tells(await kubectl("describe rc agnhost-primary"), [
      ["Name:", "agnhost-primary"],
      ["Namespace:", namespace],
      ["Selector:", "app=agnhost,role=primary"],
      ["Labels:", "app=agnhost"],
      ["role=primary"],
      ["Annotations:"],
      ["Replicas:", "1 current", "1 desired"],
      ["Pods Status:", "1 Running", "0 Waiting", "0 Succeeded", "0 Failed"],
      ["Pod Template:"],
      ["Image:", "busybox"],
      ["Events:"],
      ["Created pod: agnhost-primary-"],
    ])
    tells(await kubectl("describe service agnhost-primary"), [
      ["Name:", "agnhost-primary"],
      ["Namespace:", namespace],
      ["Labels:", "app=agnhost"],
      ["Annotations:"],
      ["Selector:", "app=agnhost", "role=primary"],
      ["Type:", "ClusterIP"],
      ["IP:"],
      ["Port:", "<unset>", "6379/TCP"],
      ["Endpoints:"],
      ["Session Affinity:", "None"],
    ])
    tells(await kubectl(`describe node ${pod.spec?.nodeName}`), [
      ["Name:", pod.spec?.nodeName ?? ""],
      ["Labels:"],
      ["Annotations:"],
      ["CreationTimestamp:"],
      ["Conditions:"],
      ["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"],
      ["Addresses:"],
      ["Capacity:"],
      ["Kernel Version:"],
      ["Operating System:"],
      ["Container Runtime Version:"],
      ["Kubelet Version:"],
      ["Pods:"],
    ])
    tells(await kubectl(`describe namespace ${namespace}`), [
      ["Name:", namespace],
      ["Labels:"],
      ["Annotations:"],
      ["Status:", "Active"],
    ])
  },
)
