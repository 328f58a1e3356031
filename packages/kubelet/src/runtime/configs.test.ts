import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import type { Image } from "@ladya/cri"
import type { Pod } from "../pods/pod.ts"
import { podLimit, podRequests, qosClass } from "../pods/resources.ts"
import { testPod } from "../testing/pods.ts"
import { podLimits } from "./cgroups.ts"
import { containerConfig } from "./container-config.ts"
import { parseResolvConf, podDns } from "./dns.ts"
import { hostsFile, podHostname } from "./hostname.ts"
import { linuxResources, oomScoreAdj } from "./linux-resources.ts"
import { pullCredentials } from "./pull-credentials.ts"
import { sandboxConfig } from "./sandbox-config.ts"
import { containerSecurityContext } from "./security.ts"

const resources = (requests: Record<string, string>, limits: Record<string, string> = {}) => ({
  resources: { requests, limits },
})
const first = (pod: Pod): corev1.Container => pod.spec?.containers[0] as corev1.Container

const classes: { name: string; pod: Pod; expected: string }[] = [
  { name: "nothing", pod: testPod(["a"]), expected: "BestEffort" },
  { name: "a request", pod: testPod([resources({ cpu: "1" })]), expected: "Burstable" },
  { name: "limits alone", pod: testPod([resources({}, { cpu: "1", memory: "1Gi" })]), expected: "Guaranteed" },
  { name: "limits of one resource", pod: testPod([resources({}, { cpu: "1" })]), expected: "Burstable" },
  {
    name: "equal requests",
    pod: testPod([resources({ cpu: "1000m", memory: "1Gi" }, { cpu: "1", memory: "1Gi" })]),
    expected: "Guaranteed",
  },
  {
    name: "smaller requests",
    pod: testPod([resources({ cpu: "1" }, { cpu: "2", memory: "1Gi" })]),
    expected: "Burstable",
  },
  {
    name: "one container without",
    pod: testPod([resources({}, { cpu: "1", memory: "1Gi" }), "b"]),
    expected: "Burstable",
  },
]
for (const { name, pod, expected } of classes) test(`qos: ${name}`, () => assert.equal(qosClass(pod), expected))

test("what a pod asks for: containers and sidecars together, or an init container beside the sidecars before it", () => {
  const init = (name: string, cpu: string, sidecar = false): corev1.Container => ({
    ...{ name, ...resources({ cpu }) },
    ...(sidecar ? { restartPolicy: "Always" } : {}),
  })
  const ask = (initContainers: corev1.Container[], spec: Partial<corev1.PodSpec> = {}): number | undefined =>
    podRequests(
      testPod(
        [
          { name: "a", ...resources({ cpu: "1" }) },
          { name: "b", ...resources({ cpu: "1" }) },
        ],
        { initContainers, ...spec },
      ),
    ).get("cpu")
  assert.equal(ask([]), 2000)
  assert.equal(ask([init("i", "1500m")]), 2000)
  assert.equal(ask([init("i", "3")]), 3000)
  assert.equal(ask([init("s", "1", true)]), 3000)
  assert.equal(ask([init("s", "1", true), init("i", "3")]), 4000)
  assert.equal(ask([init("i", "3"), init("s", "1", true)]), 3000)
  assert.equal(ask([], { overhead: { cpu: "250m" } }), 2250)
  assert.equal(podLimit(testPod([resources({}, { cpu: "1" }), "b"]), "cpu"), undefined)
})

test("requests and limits for the kernel", () => {
  const of = (container: object): unknown => {
    const pod = testPod([container])
    const { cpuShares, cpuQuota, memoryLimitInBytes } = linuxResources({
      ...{ pod, container: first(pod), memoryCapacityBytes: 1 << 30, cgroupVersion: 1 },
    })
    return [cpuShares, cpuQuota, memoryLimitInBytes]
  }
  assert.deepEqual(of({}), [2, undefined, undefined])
  assert.deepEqual(of(resources({ cpu: "500m" }, { cpu: "1", memory: "64Mi" })), [512, 100_000, 64 << 20])
  assert.deepEqual(of(resources({}, { cpu: "1m" })), [2, 1000, undefined])
})

test("who is killed first when memory runs out", () => {
  const score = (container: object, spec: Partial<corev1.PodSpec> = {}): number => {
    const pod = testPod([container], spec)
    return oomScoreAdj(pod, first(pod), 1000 * 1024)
  }
  assert.equal(score({}), 1000)
  assert.equal(score(resources({ memory: "100Ki" })), 900)
  assert.equal(score(resources({ memory: "1Gi" })), 3)
  assert.equal(score(resources({ cpu: "1" })), 999)
  assert.equal(score(resources({}, { cpu: "1", memory: "1Ki" })), -997)
  assert.equal(score({}, { priority: 2_000_001_000 }), -997)
})

test("the files of a pod's control group", () => {
  const pod = testPod([resources({ cpu: "250m" }, { cpu: "500m", memory: "1Mi" })])
  const text = (version: 1 | 2): string =>
    podLimits(pod, version)
      .map(({ file, value }) => `${file}=${value}`)
      .join("; ")
  assert.equal(
    text(1),
    "cpu.shares=256; cpu.cfs_period_us=100000; cpu.cfs_quota_us=50000; memory.limit_in_bytes=1048576",
  )
  assert.equal(text(2), "cpu.weight=10; cpu.max=50000 100000; memory.max=1048576")
})

const facts = {
  clusterDns: ["10.96.0.10"],
  clusterDomain: "cluster.local",
  node: parseResolvConf(
    "# comment\nnameserver 1.1.1.1 ; first\nnameserver 9.9.9.9\nsearch old\nsearch lan. home\noptions rotate timeout:1\n",
  ),
}
const cluster = ["ns.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan", "home"]

const resolvers: { name: string; spec: Partial<corev1.PodSpec>; expected: object }[] = [
  { name: "cluster first", spec: {}, expected: { servers: ["10.96.0.10"], searches: cluster, options: ["ndots:5"] } },
  {
    name: "the node's",
    spec: { dnsPolicy: "Default" },
    expected: { servers: ["1.1.1.1", "9.9.9.9"], searches: ["lan", "home"], options: ["rotate", "timeout:1"] },
  },
  {
    name: "in the node's network",
    spec: { hostNetwork: true },
    expected: { servers: ["1.1.1.1", "9.9.9.9"], searches: ["lan", "home"], options: ["rotate", "timeout:1"] },
  },
  {
    name: "cluster first in the node's network",
    spec: { hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" },
    expected: { servers: ["10.96.0.10"], searches: cluster, options: ["ndots:5"] },
  },
  {
    name: "its own",
    spec: {
      dnsPolicy: "None",
      dnsConfig: {
        nameservers: ["8.8.8.8"],
        searches: ["x"],
        options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
      },
    },
    expected: { servers: ["8.8.8.8"], searches: ["x"], options: ["ndots:2", "edns0"] },
  },
  {
    name: "its own beside the cluster's",
    spec: { dnsConfig: { nameservers: ["8.8.8.8", "10.96.0.10"], options: [{ name: "ndots", value: "1" }] } },
    expected: { servers: ["10.96.0.10", "8.8.8.8"], searches: cluster, options: ["ndots:1"] },
  },
]
for (const { name, spec, expected } of resolvers) {
  test(`resolver: ${name}`, () => assert.deepEqual(podDns(testPod(["a"], spec), facts), expected))
}

test("host names", () => {
  const name = (spec: Partial<corev1.PodSpec>, podName = "p"): object =>
    podHostname(testPod(["a"], spec, { name: podName }), "cluster.local")
  assert.deepEqual(name({}), { hostname: "p", domain: "" })
  assert.deepEqual(name({ hostname: "h", subdomain: "s" }), { hostname: "h", domain: "s.ns.svc.cluster.local" })
  assert.deepEqual(name({ subdomain: "s", setHostnameAsFQDN: true }), {
    hostname: "p.s.ns.svc.cluster.local",
    domain: "s.ns.svc.cluster.local",
  })
  assert.deepEqual(name({}, `${"a".repeat(62)}-b`), { hostname: "a".repeat(62), domain: "" })
  assert.throws(
    () => name({ subdomain: "s".repeat(50), setHostnameAsFQDN: true }),
    /FQDN .* is too long \(64 characters is the max/,
  )
})

test("the hosts file", () => {
  const text = hostsFile({
    hostname: { hostname: "h", domain: "s.ns.svc.cluster.local" },
    podIps: ["10.0.0.1", "fd00::1"],
    hostAliases: [{ ip: "1.2.3.4", hostnames: ["x", "y"] }],
  })
  assert.match(text, /^127\.0\.0\.1\tlocalhost$/m)
  assert.match(text, /^10\.0\.0\.1\th\.s\.ns\.svc\.cluster\.local\th$/m)
  assert.match(text, /^fd00::1\th\.s\.ns\.svc\.cluster\.local\th$/m)
  assert.match(text, /^1\.2\.3\.4\tx\ty$/m)
  const node = hostsFile({
    hostname: { hostname: "h", domain: "" },
    podIps: [],
    hostAliases: [],
    nodeHosts: "9.9.9.9 node\n",
  })
  assert.match(node, /^9\.9\.9\.9 node$/m)
  assert.doesNotMatch(node, /localhost/)
})

test("a pod without limits", () => {
  const text = (version: 1 | 2): string =>
    podLimits(testPod(["a"]), version)
      .map(({ file, value }) => `${file}=${value}`)
      .join("; ")
  assert.equal(text(1), "cpu.shares=2; cpu.cfs_period_us=100000; cpu.cfs_quota_us=-1; memory.limit_in_bytes=-1")
  assert.equal(text(2), "cpu.weight=1; cpu.max=max 100000; memory.max=max")
})

test("a sandbox's configuration", () => {
  const pod = testPod(
    [{ name: "a", ports: [{ containerPort: 80, hostPort: 8080, hostIP: "127.0.0.1" }, { containerPort: 81 }] }],
    {
      hostPID: true,
      securityContext: {
        sysctls: [
          { name: "net/ipv4/conf/eth0.1/x", value: "1" },
          { name: "kernel.shm", value: "2" },
        ],
      },
    },
    { labels: { app: "web" }, annotations: { note: "n" } },
  )
  const config = sandboxConfig({
    ...{ pod, attempt: 2, logDirectory: "/logs", cgroupParent: "/k/p", seccompDirectory: "/s" },
    resolver: facts,
  })
  assert.deepEqual(config.metadata, { name: "p", namespace: "ns", uid: "u1", attempt: 2 })
  assert.deepEqual(config.portMappings, [{ protocol: "TCP", containerPort: 80, hostPort: 8080, hostIp: "127.0.0.1" }])
  assert.equal(config.labels?.["app"], "web")
  assert.equal(config.labels?.["io.kubernetes.pod.uid"], "u1")
  assert.deepEqual(config.linux?.sysctls, { "net.ipv4.conf.eth0/1.x": "1", "kernel.shm": "2" })
  assert.deepEqual(config.linux?.securityContext?.namespaceOptions, { network: "POD", ipc: "POD", pid: "NODE" })
  assert.equal(config.linux?.securityContext?.privileged, false)
})

const image: Image = {
  id: "sha256:1",
  repoTags: [],
  repoDigests: [],
  sizeBytes: 1,
  uid: undefined,
  username: "",
  pinned: false,
  info: {},
}

test("a container's configuration: expansion, mounts, notes for its end", () => {
  const pod = testPod(
    [
      {
        name: "a",
        image: "busybox",
        command: ["run", "$(X)"],
        args: ["$(NO)"],
        lifecycle: { preStop: { sleep: { seconds: 1 } } },
      },
    ],
    { terminationGracePeriodSeconds: 7 },
  )
  const base = {
    ...{ pod, container: { kind: "main" as const, sidecar: false, spec: first(pod) }, restartCount: 3, image },
    ...{ environment: { X: "1" }, mounts: [], resources: {}, seccompDirectory: "/s" },
  }
  const config = containerConfig({ ...base, hostsFile: "/hosts", terminationMessageFile: "/last" })
  assert.deepEqual(config.metadata, { name: "a", attempt: 3 })
  assert.deepEqual([config.command, config.args], [["run", "1"], ["$(NO)"]])
  assert.deepEqual(
    config.mounts?.map(({ containerPath, hostPath }) => `${hostPath}:${containerPath}`),
    ["/hosts:/etc/hosts", "/last:/dev/termination-log"],
  )
  assert.equal(config.logPath, "a/3.log")
  assert.equal(config.annotations?.["io.kubernetes.pod.terminationGracePeriod"], "7")
  assert.equal(config.annotations?.["io.kubernetes.container.preStopHandler"], '{"sleep":{"seconds":1}}')
  const own = [{ containerPath: "/etc/hosts", hostPath: "/mine" }]
  const other = containerConfig({ ...base, mounts: own, hostsFile: "/hosts", terminationMessageFile: undefined })
  assert.deepEqual(other.mounts, own)
})

test("security contexts", () => {
  const of = (own: corev1.SecurityContext, pod: corev1.PodSecurityContext = {}, from: Partial<Image> = {}) => {
    const tested = testPod([{ name: "a", securityContext: own }], { securityContext: pod })
    return containerSecurityContext({
      pod: tested,
      container: first(tested),
      image: { ...image, ...from },
      seccompDirectory: "/s",
    })
  }
  assert.deepEqual(of({}).runAsUser, { value: 0 })
  assert.deepEqual(of({}, {}, { uid: 5 }).runAsUser, { value: 5 })
  assert.deepEqual(of({}, {}, { username: "web" }).runAsUsername, "web")
  assert.deepEqual(of({ runAsUser: 1 }, { runAsUser: 2 }, { uid: 5 }).runAsUser, { value: 1 })
  assert.deepEqual(of({}, { fsGroup: 3, supplementalGroups: [4] }).supplementalGroups, [3, 4])
  assert.equal(of({}).seccomp?.profileType, "Unconfined")
  assert.equal(of({}, { seccompProfile: { type: "RuntimeDefault" } }).seccomp?.profileType, "RuntimeDefault")
  assert.deepEqual(of({ seccompProfile: { type: "Localhost", localhostProfile: "a/b.json" } }).seccomp, {
    profileType: "Localhost",
    localhostRef: "/s/a/b.json",
  })
  assert.throws(() => of({ seccompProfile: { type: "Localhost", localhostProfile: "../x" } }), /must be a path below/)
  assert.equal(of({ allowPrivilegeEscalation: false }).noNewPrivs, true)
  assert.equal(of({ privileged: true, allowPrivilegeEscalation: false }).noNewPrivs, false)
  assert.equal(of({ procMount: "Unmasked" }).maskedPaths?.length, 0)
  assert.ok(of({}).maskedPaths?.includes("/proc/kcore"))
  const who = '\\(pod: "p_ns\\(u1\\)", container: a\\)$'
  assert.throws(() => of({ runAsNonRoot: true }), {
    message: new RegExp(`^container has runAsNonRoot and image will run as root ${who}`),
  })
  assert.throws(() => of({ runAsNonRoot: true }, {}, { username: "web" }), {
    message: new RegExp(`non-numeric user \\(web\\), cannot verify user is non-root ${who}`),
  })
  assert.throws(() => of({ runAsUser: 0 }, { runAsNonRoot: true }), {
    message: new RegExp(`^container's runAsUser breaks non-root policy ${who}`),
  })
  assert.deepEqual(of({ runAsNonRoot: true }, { runAsUser: 7 }).runAsUser, { value: 7 })
  assert.deepEqual(of({ runAsNonRoot: true }, {}, { uid: 7 }).runAsUser, { value: 7 })
})

test("pull secrets: by registry and path, the most specific first", () => {
  const secret = (auths: object, type = "kubernetes.io/dockerconfigjson"): corev1.Secret => ({
    ...{ apiVersion: "v1", kind: "Secret", type, metadata: { name: "s" } },
    data: type.endsWith("json")
      ? { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") }
      : { ".dockercfg": Buffer.from(JSON.stringify(auths)).toString("base64") },
  })
  const auth = (text: string): object => ({ auth: Buffer.from(text).toString("base64") })
  const secrets = [
    secret({
      "https://index.docker.io/v1/": auth("hub:pw"),
      "registry.local:5000": auth("all:x"),
      "registry.local:5000/team": auth("team:y"),
    }),
    secret({ "*.example.com": { username: "star", password: "z" } }, "kubernetes.io/dockercfg"),
    { ...secret({}), data: { ".dockerconfigjson": Buffer.from("not json").toString("base64") } },
  ]
  const users = (name: string): (string | undefined)[] => pullCredentials(name, secrets).map(({ username }) => username)
  assert.deepEqual(users("busybox"), ["hub"])
  assert.deepEqual(users("registry.local:5000/team/app"), ["team", "all"])
  assert.deepEqual(users("registry.local:5000/other"), ["all"])
  assert.deepEqual(users("eu.example.com/x"), ["star"])
  assert.deepEqual(users("a.b.example.com/x"), [])
  assert.deepEqual(pullCredentials("busybox", secrets), [{ username: "hub", password: "pw" }])
})
