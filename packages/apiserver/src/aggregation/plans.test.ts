import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type corev1, type discoveryv1, kinds } from "@ladya/api"
import { type APIService, remoteOf } from "./api-services.ts"
import {
  automanagedLabel,
  planRegistration,
  type Registration,
  type RegistrationState,
  registrationsOf,
} from "./auto-registration.ts"
import { judgeService, passed, planAvailability } from "./availability.ts"
import { frontProxyHeaders, userOfHeaders } from "./front-proxy-headers.ts"
import { mergedGroups } from "./merged-groups.ts"

const registration = (management: Registration["management"], version = 15): Registration => ({
  ...{ group: "apps", version: "v1", management },
  priority: { group: 17_800, version },
})
const standing = (label: string | undefined, more: Partial<NonNullable<APIService["spec"]>> = {}): APIService => ({
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name: "v1.apps", uid: "1", ...(label ? { labels: { [automanagedLabel]: label } } : {}) },
  spec: { group: "apps", version: "v1", groupPriorityMinimum: 17_800, versionPriority: 15, ...more },
})

describe("keeping APIServices of what is served here", () => {
  const other = { versionPriority: 3 }
  const cases: (Partial<RegistrationState> & { name: string; want: string | undefined })[] = [
    { name: "nothing there, nothing wanted", want: undefined },
    { name: "missing, once", desired: registration("onstart"), want: "create" },
    { name: "deleted after the start, once", desired: registration("onstart"), isSettled: true, want: undefined },
    { name: "deleted, always", desired: registration("true"), isSettled: true, want: "create" },
    { name: "as wanted", current: standing("true"), desired: registration("true"), want: undefined },
    {
      name: "changed, always",
      current: standing("true", other),
      desired: registration("true"),
      isSettled: true,
      want: "update",
    },
    {
      name: "changed before the start",
      current: standing("onstart", other),
      desired: registration("onstart"),
      wasThere: true,
      want: "update",
    },
    {
      name: "changed after it",
      current: standing("onstart", other),
      desired: registration("onstart"),
      wasThere: true,
      isSettled: true,
      want: undefined,
    },
    { name: "nobody's of ours", current: standing(undefined, other), desired: registration("true"), want: undefined },
    { name: "not wanted any more", current: standing("true"), want: "delete" },
    { name: "a group of old, at the start", current: standing("onstart"), wasThere: true, want: "delete" },
    { name: "somebody's after the start", current: standing("onstart"), want: undefined },
    {
      name: "made only where there is none",
      current: standing("onstart", other),
      desired: registration("absent"),
      wasThere: true,
      want: undefined,
    },
  ]
  for (const { name, want, ...state } of cases) {
    test(name, () => {
      const plan = planRegistration({
        current: undefined,
        desired: undefined,
        wasThere: false,
        isSettled: false,
        ...state,
      })
      assert.equal(plan?.kind, want)
    })
  }

  test("all that is built in is wanted, but the group of APIServices itself", () => {
    const wanted = registrationsOf(kinds, () => true, new Map())
    assert.deepEqual(wanted.get("v2.autoscaling")?.priority, { group: 17_500, version: 30 })
    assert.ok(wanted.has("v1."))
    assert.ok(![...wanted.keys()].some((name) => name.endsWith("apiregistration.k8s.io")))
  })
})

describe("whether what is behind can be reached", () => {
  const object = standing(undefined, { service: { namespace: "a", name: "api", port: 443 } })
  const remote = remoteOf(object)
  assert.ok(remote)
  const service = (ports: corev1.ServicePort[], type = "ClusterIP"): corev1.Service => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: {},
    spec: { type, ports },
  })
  const slice = (ready: boolean, port = "https"): discoveryv1.EndpointSlice => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {},
    addressType: "IPv4",
    ports: [{ name: port, port: 8443 }],
    endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready } }],
  })
  const good = service([{ name: "https", port: 443 }])
  const cases: {
    name: string
    service: corev1.Service | undefined
    slices?: discoveryv1.EndpointSlice[]
    want: string | undefined
  }[] = [
    { name: "no Service", service: undefined, want: "ServiceNotFound" },
    { name: "another port", service: service([{ port: 80 }]), want: "ServicePortError" },
    { name: "no slices", service: good, slices: [], want: "EndpointsNotFound" },
    { name: "none ready", service: good, slices: [slice(false)], want: "MissingEndpoints" },
    { name: "of another port", service: good, slices: [slice(true, "http")], want: "MissingEndpoints" },
    { name: "one ready", service: good, slices: [slice(false), slice(true)], want: undefined },
    { name: "an external name is asked alone", service: service([], "ExternalName"), slices: [], want: undefined },
  ]
  for (const { name, service, slices = [], want } of cases) {
    test(name, () => assert.equal(judgeService(remote, { service, endpointSlices: slices })?.reason, want))
  }

  test("the time of a condition is that of its change", () => {
    const first = planAvailability(undefined, passed, 0)
    assert.equal(first?.conditions?.[0]?.lastTransitionTime, "1970-01-01T00:00:00Z")
    assert.equal(planAvailability(first, passed, 60_000), undefined)
    const worse = planAvailability(first, { ...passed, status: "False", reason: "X" }, 60_000)
    assert.equal(worse?.conditions?.[0]?.lastTransitionTime, "1970-01-01T00:01:00Z")
  })
})

test("who makes a request survives the way through headers", () => {
  const user = {
    name: "jane",
    uid: "7",
    groups: ["a", "system:authenticated"],
    extra: { "acme.com/some thing%": ["x", "y"] },
  }
  const sent = Object.entries(frontProxyHeaders(user)).map(([name, values]) => [name.toLowerCase(), values.join(", ")])
  assert.deepEqual(userOfHeaders(Object.fromEntries(sent)), user)
  assert.equal(userOfHeaders({}), undefined)
})

test("groups are ordered by their priority, versions by theirs and then by their age", () => {
  const remote = (group: string, version: string, groupPriorityMinimum: number, versionPriority: number) => {
    const service = { namespace: "a", name: "b" }
    const found = remoteOf({
      ...standing(undefined, { group, version, groupPriorityMinimum, versionPriority, service }),
      metadata: { name: `${version}.${group}` },
    })
    assert.ok(found)
    return found
  }
  const remotes = [remote("z.io", "v1beta1", 17_900, 5), remote("z.io", "v1", 100, 5), remote("apps", "v2", 1, 1)]
  const groups = mergedGroups({
    kinds: kinds.filter(({ group }) => group === "apps" || group === "batch"),
    find: (name) => remotes.find(({ object }) => object.metadata.name === name)?.object,
    remotes,
    discoveryOf: () => ({ resources: [], freshness: "Stale" }),
  })
  assert.deepEqual(
    groups.map(({ name, versions }) => [name, versions.map(({ version }) => version)]),
    [
      ["z.io", ["v1", "v1beta1"]],
      ["apps", ["v1", "v2"]],
      ["batch", ["v1"]],
    ],
  )
})
