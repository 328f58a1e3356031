import type { corev1 } from "@ladya/api"
import type { Pod } from "../pods/pod.ts"
import { containerHash } from "../runtime/labels.ts"
import type { ObservedContainer, ObservedPod, ObservedSandbox } from "../runtime/observed.ts"

/** A pod for tests: containers `a`, `b` … by name, or as given. */
export function testPod(
  containers: readonly (string | Partial<corev1.Container>)[],
  spec: Partial<corev1.PodSpec> = {},
  metadata: Partial<Pod["metadata"]> = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "ns", uid: "u1", generation: 1, ...metadata },
    spec: { ...spec, containers: containers.map(testContainer) },
  }
}

export function testContainer(container: string | Partial<corev1.Container>): corev1.Container {
  const given = typeof container === "string" ? { name: container } : container
  return { image: "image", ...given, name: given.name ?? "a" }
}

export function observedSandbox(more: Partial<ObservedSandbox> = {}): ObservedSandbox {
  return { id: "s0", attempt: 0, ready: true, createdAtMs: 1000, hostNetwork: false, ips: ["10.244.1.2"], ...more }
}

/** An instance: `a running`, `a exited 1`, `a created`, `a unknown`; newer instances have larger restart counts. */
export function observedContainer(text: string, more: Partial<ObservedContainer> = {}): ObservedContainer {
  const [name = "", state = "running", code = "0"] = text.split(" ")
  const exited = state === "exited"
  const restartCount = more.restartCount ?? 0
  return {
    id: `${name}${restartCount}`,
    name,
    sandboxId: "s0",
    restartCount,
    state: state as ObservedContainer["state"],
    createdAtMs: 2000 + restartCount,
    startedAtMs: 2001 + restartCount,
    finishedAtMs: exited ? 3000 + restartCount : 0,
    exitCode: exited ? Number(code) : 0,
    reason: exited ? (code === "0" ? "Completed" : "Error") : "",
    message: "",
    imageRef: "sha256:1",
    imageId: "sha256:1",
    hash: containerHash(testContainer(name)),
    logPath: "",
    terminationMessageFile: undefined,
    terminationMessagePolicy: "File",
    annotations: {},
    ...more,
  }
}

/** What the runtime has of a pod; instances newest first. */
export function observedPod(
  containers: readonly (string | ObservedContainer)[],
  sandboxes: readonly ObservedSandbox[] = [observedSandbox()],
): ObservedPod {
  return {
    uid: "u1",
    name: "p",
    namespace: "ns",
    sandboxes,
    containers: containers.map((container) =>
      typeof container === "string" ? observedContainer(container) : container,
    ),
  }
}
