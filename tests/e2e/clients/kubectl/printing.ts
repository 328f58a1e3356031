import assert from "node:assert/strict"
import { test } from "node:test"
import type { Kubectl } from "./smoke.ts"

/** Every way of showing what is there. */
export function printTests(kubectl: Kubectl): void {
  const k = (line: string) => kubectl().line(line)

  test("get prints tables", async () => {
    assert.match(await k("get pods"), /^NAME +READY +STATUS +RESTARTS +AGE\nbox +1\/1 +Running +0 +/)
    assert.match(await k("get pods -o wide"), /IP +NODE +NOMINATED NODE +READINESS GATES\nbox .* 10\.244\./)
    assert.match(await k("get deployments"), /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +/)
    assert.match(
      await k("get all"),
      /pod\/box[\s\S]*service\/web[\s\S]*deployment\.apps\/web[\s\S]*replicaset\.apps\/web-/,
    )
    assert.match(await k("get pods -A"), /^NAMESPACE +NAME +READY/)
    assert.match(await k("get pods,services --show-kind --show-labels"), /pod\/box .* app=box\n[\s\S]*service\/web /)
    assert.match(await k("get pods -L app --no-headers"), /^box .* box\n/)
    assert.match(await k("events --for pod/box"), /Normal +Scheduled +Pod\/box +Successfully assigned/)
    assert.match(await k("get events --sort-by=.lastTimestamp"), /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/)
  })

  test("get prints every other form", async () => {
    assert.equal(JSON.parse(await k("get deployment web -o json")).spec.replicas, 2)
    assert.match(await k("get deployment web -o yaml"), /^apiVersion: apps\/v1\nkind: Deployment\n/)
    assert.equal(await k("get deployment web -o name"), "deployment.apps/web\n")
    assert.equal(await k("get deployment web -o jsonpath={.spec.replicas}"), "2")
    assert.equal(await kubectl().run(["get", "deploy", "web", "-o", "go-template={{.spec.replicas}}"]), "2")
    assert.match(await k("get deployment -o custom-columns=N:.metadata.name,R:.spec.replicas"), /^N +R\nweb +2\n$/)
    assert.doesNotMatch(await k("get deployment web -o yaml"), /managedFields/)
    assert.match(await k("get deployment web -o yaml --show-managed-fields"), /managedFields:[\s\S]*manager: kubectl/)
  })

  test("get selects and sorts", async () => {
    assert.equal((await k("get pods -l app=web -o name")).trim().split("\n").length, 2)
    assert.equal(await kubectl().run(["get", "pods", "-l", "app notin (web)", "-o", "name"]), "pod/box\n")
    assert.equal(await k("get pods --field-selector metadata.name=box -o name"), "pod/box\n")
    assert.match(await k("get pods --sort-by=.metadata.name"), /^NAME[^\n]*\nbox/)
    assert.match(await k("get pods --chunk-size=1"), /box[\s\S]*web-[\s\S]*web-/)
    assert.match(await kubectl().fails("get pod missing"), /Error from server \(NotFound\): pods "missing" not found/)
    assert.equal(await k("get pod missing --ignore-not-found"), "")
  })

  test("get --watch follows", async () => {
    await kubectl().during("get configmaps --watch-only -o name", async (said) => {
      // It says nothing when it has begun, so changes go on until one is seen.
      await kubectl().cluster.until("a change that is watched", async () => {
        await k("create configmap watched --from-literal=a=b")
        await k("delete configmap watched")
        return said().includes("configmap/watched")
      })
    })
  })

  test("describe tells of pods, workloads, services, namespaces and nodes", async () => {
    const pod = await k("describe pod box")
    assert.match(pod, /Status: +Running[\s\S]*QoS Class: +BestEffort[\s\S]*Events:[\s\S]*Scheduled/)
    assert.match(await k("describe deployment web"), /Replicas: +2 desired \| 2 updated \| 2 total \| 2 available/)
    assert.match(await k("describe replicaset -l app=web"), /Controlled By: +Deployment\/web/)
    assert.match(await k("describe service web"), /Endpoints: +10\.244\.\d+\.\d+:8080,10\.244\.\d+\.\d+:8080/)
    assert.match(await k(`describe namespace ${kubectl().namespace}`), /Status: +Active/)
    assert.match(await k("describe nodes"), /Allocated resources:/)
  })
}
