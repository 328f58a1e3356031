import assert from "node:assert/strict"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { after, before, describe, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { busyboxPod, isTrue, type Pod, startTestNode, statusOf, type TestNode } from "../support/node.ts"

let node: TestNode

before(async () => {
  node = await startTestNode("security")
})
after(() => node?.stop())

/** Runs a pod until it is ready and gives its output of a command. */
async function inPod(pod: Pod, command: string): Promise<string> {
  const name = pod.metadata.name ?? ""
  await node.run(pod)
  await node.until(name, "to run", (running) => isTrue(running, "Ready"))
  const output = await node.exec(name, "main", "sh", "-c", command)
  await node.remove(name)
  return output
}

const withContext = (name: string, securityContext: corev1.SecurityContext, spec: Partial<corev1.PodSpec> = {}): Pod =>
  busyboxPod(name, { securityContext }, spec)

describe("security contexts", { concurrency: 4 }, () => {
  test("users and groups", async () => {
    const pod = withContext(
      "user",
      { runAsUser: 1000, runAsGroup: 3000 },
      { securityContext: { fsGroup: 2000, supplementalGroups: [4000] } },
    )
    assert.equal(await inPod(pod, "id -u; id -g; id -G"), "1000\n3000\n3000 2000 4000\n")
  })

  test("capabilities, no new privileges, a file system that is read only", async () => {
    const pod = withContext("caps", {
      capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
    })
    const output = await inPod(pod, "grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /x 2>&1 || true")
    assert.match(output, /CapEff:\s+0000000000000400/)
    assert.match(output, /NoNewPrivs:\s+1/)
    assert.match(output, /Read-only file system/)
  })

  test("privileged", async () => {
    const output = await inPod(
      withContext("priv", { privileged: true }),
      "grep CapEff /proc/self/status; mount -t tmpfs t /mnt 2>&1 || mkdir /mnt && mount -t tmpfs t /mnt && echo mounted",
    )
    assert.match(output, /mounted/)
  })

  test("seccomp profiles", async () => {
    const directory = `${node.dataDirectory}/seccomp`
    await mkdir(directory, { recursive: true })
    const profile = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
    }
    await writeFile(`${directory}/nodirs.json`, JSON.stringify(profile))
    const context: corev1.SecurityContext = { seccompProfile: { type: "Localhost", localhostProfile: "nodirs.json" } }
    assert.match(await inPod(withContext("seccomp", context), "mkdir /x 2>&1 || true"), /Operation not permitted/)
    const standard: corev1.SecurityContext = { seccompProfile: { type: "RuntimeDefault" } }
    assert.match(await inPod(withContext("seccomp2", standard), "grep Seccomp: /proc/self/status"), /Seccomp:\s+2/)
    assert.match(await inPod(withContext("seccomp3", {}), "grep Seccomp: /proc/self/status"), /Seccomp:\s+0/)
  })

  test("a container that must not be root is not started as root", async () => {
    const pod = withContext("nonroot", { runAsNonRoot: true })
    await node.run(pod)
    const refused = await node.until(
      "nonroot",
      "to be refused",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "CreateContainerConfigError",
    )
    assert.equal(
      statusOf(refused)?.state?.waiting?.message,
      `container has runAsNonRoot and image will run as root (pod: "nonroot_default(${refused.metadata.uid})", container: main)`,
    )
    await node.remove("nonroot")
  })

  test("masked paths, and how to have them unmasked", async () => {
    const look =
      "cat /proc/kcore 2>/dev/null | head -c 1 | wc -c; touch /proc/sys/kernel/hostname 2>&1 | grep -c Read-only || true"
    assert.equal(await inPod(withContext("masked", {}), look), "0\n1\n")
  })
})

describe("namespaces", { concurrency: 4 }, () => {
  test("the node's network", async () => {
    const pod = busyboxPod("hostnet", {}, { hostNetwork: true })
    await node.run(pod)
    const running = await node.until("hostnet", "to run", (pod) => isTrue(pod, "Ready"))
    assert.equal(running.status?.podIP, node.address)
    assert.match(await node.exec("hostnet", "main", "ip", "addr"), new RegExp(`${node.address}/24`))
    assert.equal(await node.exec("hostnet", "main", "hostname"), "n1\n")
    await node.remove("hostnet")
  })

  test("processes shared within the pod, or with the node", async () => {
    const second = { name: "other", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["sleep", "4242"] }
    const shared = busyboxPod("sharedpid", {}, { shareProcessNamespace: true })
    shared.spec?.containers.push(second)
    assert.match(await inPod(shared, "ps"), /sleep 4242/)
    assert.doesNotMatch(await inPod(busyboxPod("ownpid"), "ps"), /pause/)
    assert.match(await inPod(busyboxPod("hostpid", {}, { hostPID: true }), "ps"), /containerd/)
  })

  test("an ephemeral container sees the processes of its target", async () => {
    await node.run(busyboxPod("debugged"))
    const pod = await node.until("debugged", "to run", (pod) => isTrue(pod, "Ready"))
    const ephemeral: corev1.EphemeralContainer = {
      ...{ name: "debugger", image: "busybox", imagePullPolicy: "IfNotPresent", targetContainerName: "main" },
      command: ["sleep", "777"],
      terminationMessagePolicy: "File",
    }
    await node.client
      .resource(refs.pods)
      .update(
        { ...pod, spec: { ...(pod.spec as corev1.PodSpec), ephemeralContainers: [ephemeral] } },
        { subresource: "ephemeralcontainers" },
      )
    await node.until("debugged", "its debugger", (pod) => statusOf(pod, "debugger")?.state?.running)
    assert.match(await node.exec("debugged", "debugger", "ps"), /sleep 100000/)
    await node.remove("debugged")
  })

  test("sysctls of the pod's own namespaces; others are refused", async () => {
    const sysctls = [{ name: "net.ipv4.ip_unprivileged_port_start", value: "1234" }]
    const pod = busyboxPod("sysctl", {}, { securityContext: { sysctls } })
    assert.equal(await inPod(pod, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"), "1234\n")
  })

  test("user namespaces are refused, which this runtime would silently not give", async () => {
    await node.run(busyboxPod("userns", {}, { hostUsers: false }))
    const pod = await node.until("userns", "to be refused", ({ status }) => status?.phase === "Failed")
    assert.equal(pod.status?.reason, "UnsupportedUserNamespaces")
    await node.remove("userns")
  })
})

describe("resources", { concurrency: 4 }, () => {
  test("requests and limits are written into control groups", async () => {
    const resources = { requests: { cpu: "100m", memory: "16Mi" }, limits: { cpu: "500m", memory: "64Mi" } }
    const pod = await node.run(busyboxPod("limits", { resources }))
    const running = await node.until("limits", "to run", (pod) => isTrue(pod, "Ready"))
    assert.equal(running.status?.qosClass, "Burstable")
    const group = `ladya-e2e-security/n1/burstable/pod${pod.metadata.uid}`
    const id = statusOf(running)?.containerID?.replace("containerd://", "")
    const read = async (file: string): Promise<string> => (await readFile(`/sys/fs/cgroup/${file}`, "utf8")).trim()
    assert.equal(await read(`cpu/${group}/cpu.shares`), "102")
    assert.equal(await read(`cpu/${group}/cpu.cfs_quota_us`), "50000")
    assert.equal(await read(`memory/${group}/memory.limit_in_bytes`), String(64 << 20))
    assert.equal(await read(`cpu/${group}/${id}/cpu.shares`), "102")
    assert.equal(await read(`memory/${group}/${id}/memory.limit_in_bytes`), String(64 << 20))
    await node.remove("limits")
    await assert.rejects(read(`cpu/${group}/cpu.shares`), { code: "ENOENT" })
  })

  test("a pod that asks for more than the node has is refused", async () => {
    await node.run(busyboxPod("huge", { resources: { requests: { cpu: "4000" } } }))
    const pod = await node.until("huge", "to be refused", ({ status }) => status?.phase === "Failed")
    assert.equal(pod.status?.reason, "OutOfcpu")
    assert.match(
      pod.status?.message ?? "",
      /^Pod was rejected: Node didn't have enough resource: cpu, requested: 4000000, used: \d+, capacity: \d+$/,
    )
    await node.remove("huge")
  })

  test("host ports: served on the node's address, and only once", async () => {
    const ports = [{ containerPort: 80, hostPort: 18080 }]
    const serve = { command: ["sh", "-c", "mkdir /www; echo page >/www/index.html; httpd -f -p 80 -h /www"], ports }
    await node.run(busyboxPod("port", serve))
    await node.until("port", "to run", (pod) => isTrue(pod, "Ready"))
    const { systemClock, waitFor } = await import("@ladya/util")
    const page = await waitFor(systemClock, async () => (await fetch(`http://${node.address}:18080/`)).text(), {
      description: "the page",
      timeoutMs: 60_000,
    })
    assert.equal(page, "page\n")
    await node.run(busyboxPod("port2", serve))
    const refused = await node.until("port2", "to be refused", ({ status }) => status?.phase === "Failed")
    assert.equal(refused.status?.reason, "NodePorts")
    await node.remove("port2")
    await node.remove("port")
  })
})
