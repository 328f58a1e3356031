import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { runPod, sleepingPod, untilPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { createPrimary, type NamespacedKubectl, newKubectl, primaryLabels, readyPods } from "./kubectl.ts"

const podName = "e2e-test-pod"
const firstImage = "busybox:latest"
const otherImage = "busybox:stable"

/** Makes a pod with `kubectl run`. */
async function runFirst(kubectl: NamespacedKubectl): Promise<void> {
  await kubectl(
    `run ${podName} --image=${firstImage} --image-pull-policy=IfNotPresent --pod-running-timeout=2m0s --labels=run=${podName} -- sleep 3600`,
  )
}

const imageOf = (pod: corev1.Pod): string | undefined => pod.spec?.containers[0]?.image

const read = (t: ConformanceContext, namespace: string): Promise<corev1.Pod> =>
  t.client.resource(refs.pods).get(podName, { namespace })

conformance(
  "[sig-cli] Kubectl client Kubectl run pod should create a pod from an image when restart is Never [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await newKubectl(t, namespace)(`run ${podName} --restart=Never --pod-running-timeout=2m0s --image=${firstImage}`)
    const pod = await read(t, namespace)
    assert.equal(pod.spec?.containers.length, 1)
    assert.equal(imageOf(pod), firstImage)
    assert.equal(pod.spec?.restartPolicy, "Never")
  },
)

conformance(
  "[sig-cli] Kubectl client Kubectl replace should update a single-container pod's image [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const kubectl = newKubectl(t, namespace)
    await runFirst(kubectl)
    await untilPod(t, await read(t, namespace), "running", ({ status }) => status?.phase === "Running")
    const text = await kubectl(`get pod ${podName} -o json`)
    // The image stands in the spec alone: what the status says of it is not what it is to be.
    const pod = JSON.parse(text) as corev1.Pod
    for (const container of pod.spec?.containers ?? []) container.image = otherImage
    assert.match(await kubectl("replace -f -", pod), /replaced/)
    assert.equal(imageOf(await read(t, namespace)), otherImage)
  },
)

conformance(
  "[sig-cli] Kubectl client Kubectl server-side dry-run should check if kubectl can dry-run update Pods [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const kubectl = newKubectl(t, namespace)
    await runFirst(kubectl)
    const patch = JSON.stringify({ spec: { containers: [{ name: podName, image: otherImage }] } })
    const shown = await kubectl.args(["patch", "pod", podName, "-p", patch, "--dry-run=server", "-o", "json"])
    assert.equal(imageOf(JSON.parse(shown)), otherImage)
    assert.equal(imageOf(await read(t, namespace)), firstImage)
  },
)

conformance(
  "[sig-cli] Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const deployment = (image: string): string => {
      const labels = { app: "diffed" }
      const spec = { containers: [{ name: "main", image, command: ["sleep", "3600"] }] }
      return JSON.stringify({
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "diffed", labels },
        spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
      })
    }
    await newKubectl(t, namespace)("create -f -", deployment(firstImage))
    const diff = await t.tryKubectl(["diff", `--namespace=${namespace}`, "-f", "-"], { input: deployment(otherImage) })
    assert.equal(diff.code, 1, diff.stderr)
    assert.match(diff.stdout, /^-\s+(- )?image: busybox:latest$/m)
    assert.match(diff.stdout, /^\+\s+(- )?image: busybox:stable$/m)
  },
)

conformance("[sig-cli] Kubectl client Kubectl label should update the label on a resource [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const kubectl = newKubectl(t, namespace)
  await runPod(t, sleepingPod(namespace, "pause"))
  await kubectl("label pods pause testing-label=testing-label-value")
  assert.match(await kubectl("get pod pause -L testing-label"), /testing-label-value/)
  assert.match(await kubectl("get pods -l testing-label=testing-label-value -o name"), /pod\/pause/)
  await kubectl("label pods pause testing-label-")
  assert.doesNotMatch(await kubectl("get pod pause -L testing-label"), /testing-label-value/)
  assert.equal(await kubectl("get pods -l testing-label=testing-label-value -o name"), "")
})

conformance("[sig-cli] Kubectl client Kubectl patch should add annotations for pods in rc [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const kubectl = newKubectl(t, namespace)
  await createPrimary(t, namespace)
  const pods = await readyPods(t, namespace, primaryLabels, 1)
  for (const { metadata } of pods) {
    await kubectl.args(["patch", "pod", metadata.name ?? "", "-p", '{"metadata":{"annotations":{"x":"y"}}}'])
  }
  for (const pod of await readyPods(t, namespace, primaryLabels, 1)) assert.equal(pod.metadata.annotations?.["x"], "y")
})

conformance("[sig-cli] Kubectl client Kubectl expose should create services for rc [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const kubectl = newKubectl(t, namespace)
  const pod = await createPrimary(t, namespace)
  for (const [line, name, port] of [
    ["expose rc agnhost-primary --name=rm2 --port=1234 --target-port=8080", "rm2", 1234],
    ["expose service rm2 --name=rm3 --port=2345 --target-port=8080", "rm3", 2345],
  ] as const) {
    await kubectl(line)
    const service = await t.client.resource(refs.services).get(name, { namespace })
    assert.equal(service.spec?.ports?.[0]?.port, port)
    assert.equal(service.spec?.ports?.[0]?.targetPort, 8080)
    await t.until(`the endpoint of ${name}`, async () => {
      const { subsets } = await t.client.resource(refs.endpoints).get(name, { namespace })
      return subsets?.[0]?.ports?.[0]?.port === 8080 && subsets[0].addresses?.[0]?.ip === pod.status?.podIP
    })
    const path = `/api/v1/namespaces/${namespace}/services/${name}:${port}/proxy/`
    await t.until(`${name} to answer`, async () => (await t.http("GET", path)).text.startsWith("agnhost-primary-"))
  }
})
