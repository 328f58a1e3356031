import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import fc from "fast-check"
import type { SchemaSource, TypeSchema } from "../schema.ts"
import { openProtobuf, protobufBodyValue, readProtobuf } from "./envelope.ts"
import { ProtobufError } from "./reader.ts"

// Set another to look elsewhere; what fails names its seed.
fc.configureGlobal({ seed: Number(process.env["SEED"] ?? 1) })

const types = JSON.parse(
  readFileSync(new URL("../../../api/src/generated/schema.json", import.meta.url), "utf8"),
) as Record<string, TypeSchema>
const source: SchemaSource = (name) => types[name]

/** Field numbers and values; a list of pairs is a message, so that tests read as what is on the wire. */
type Wire = readonly (readonly [number, string | number | Buffer | Wire])[]

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return [...bytes, Number(rest)]
}

function wire(message: Wire): Buffer {
  return Buffer.concat(
    message.map(([field, value]) => {
      if (typeof value === "number") return Buffer.from([...varint(field * 8), ...varint(value)])
      const bytes = typeof value === "string" ? Buffer.from(value) : Buffer.isBuffer(value) ? value : wire(value)
      return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes])
    }),
  )
}

const envelope = (apiVersion: string, kind: string, object: Wire): Buffer =>
  Buffer.concat([
    Buffer.from("k8s\0"),
    wire([
      [
        1,
        [
          [1, apiVersion],
          [2, kind],
        ],
      ],
      [2, object],
      [3, ""],
      [4, ""],
    ]),
  ])

const pod = { kind: "Pod", type: "io.k8s.api.core.v1.Pod" }

test("a pod as client-go sends it", () => {
  const meta: Wire = [
    [1, "web"],
    [2, ""],
    [3, "default"],
    [7, 0],
    [8, []],
    [
      11,
      [
        [1, "app"],
        [2, "web"],
      ],
    ],
    [11, [[1, "empty"]]],
  ]
  const container: Wire = [
    [1, "c"],
    [2, "busybox"],
    [3, "sh"],
    [3, ""],
    [5, ""],
    [
      8,
      [
        [
          1,
          [
            [1, "cpu"],
            [2, [[1, "500m"]]],
          ],
        ],
      ],
    ],
    [
      6,
      [
        [1, ""],
        [2, 0],
        [3, 80],
        [4, "TCP"],
      ],
    ],
    [
      10,
      [
        [
          1,
          [
            [
              2,
              [
                [1, "/"],
                [
                  2,
                  [
                    [1, 1],
                    [2, 0],
                    [3, "http"],
                  ],
                ],
              ],
            ],
          ],
        ],
        [2, 0],
        [3, 5],
      ],
    ],
    [16, 0],
  ]
  const volume: Wire = [
    [1, "v"],
    [
      2,
      [
        [
          19,
          [
            [1, [[1, "config"]]],
            [4, 0],
          ],
        ],
      ],
    ],
  ]
  const spec: Wire = [
    [1, volume],
    [2, container],
    [3, "Always"],
    [4, 0],
    [11, 0],
    [
      22,
      [
        [1, "k"],
        [5, -1],
      ],
    ],
  ]
  assert.deepEqual(
    protobufBodyValue(
      envelope("v1", "Pod", [
        [1, meta],
        [2, spec],
        [3, []],
      ]),
      pod,
      source,
    ),
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "default", labels: { app: "web", empty: "" } },
      spec: {
        volumes: [{ name: "v", configMap: { name: "config", optional: false } }],
        containers: [
          {
            name: "c",
            image: "busybox",
            command: ["sh", ""],
            resources: { limits: { cpu: "500m" } },
            ports: [{ containerPort: 80, protocol: "TCP" }],
            livenessProbe: { httpGet: { path: "/", port: "http" }, timeoutSeconds: 5 },
          },
        ],
        restartPolicy: "Always",
        terminationGracePeriodSeconds: 0,
        tolerations: [{ key: "k", tolerationSeconds: -1 }],
      },
      status: {},
    },
  )
})

test("times, bytes, raw JSON, lists in maps", () => {
  const read = (type: string, message: Wire): unknown => readProtobuf(wire(message), type, source)
  const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."
  assert.deepEqual(read(`${meta}ObjectMeta`, [[8, [[1, 1_700_000_000]]]]), {
    creationTimestamp: "2023-11-14T22:13:20Z",
  })
  assert.deepEqual(
    read("io.k8s.api.coordination.v1.LeaseSpec", [
      [
        4,
        [
          [1, 1_700_000_000],
          [2, 123456000],
        ],
      ],
    ]),
    {
      renewTime: "2023-11-14T22:13:20.123456Z",
    },
  )
  assert.deepEqual(
    read("io.k8s.api.core.v1.Secret", [
      [
        2,
        [
          [1, "a"],
          [2, Buffer.from([0xff, 0])],
        ],
      ],
    ]),
    { data: { a: "/wA=" } },
  )
  assert.deepEqual(read(`${meta}ManagedFieldsEntry`, [[7, [[1, '{"f:a":{}}']]]]), { fieldsV1: { "f:a": {} } })
  assert.deepEqual(
    read("io.k8s.api.authentication.v1.UserInfo", [
      [
        4,
        [
          [1, "k"],
          [
            2,
            [
              [1, "x"],
              [1, "y"],
            ],
          ],
        ],
      ],
    ]),
    {
      extra: { k: ["x", "y"] },
    },
  )
  const props = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
  assert.deepEqual(
    read(props, [
      [5, "object"],
      [38, 1],
      [42, "map"],
      [3, "r"],
    ]),
    {
      type: "object",
      "x-kubernetes-preserve-unknown-fields": true,
      "x-kubernetes-list-type": "map",
      $ref: "r",
    },
  )
})

test("another kind is told by its name alone", () => {
  assert.deepEqual(protobufBodyValue(envelope("v1", "Node", [[99, "x"]]), pod, source), {
    kind: "Node",
    apiVersion: "v1",
  })
})

test("every type can be compiled", () => {
  for (const [name, type] of Object.entries(types)) {
    if (type.protobufOnly || name.endsWith("version.Info")) continue
    readProtobuf(wire([[500, 1]]), name, source)
  }
})

test("bytes that are no message are refused, whatever they are", () => {
  assert.throws(() => openProtobuf(Buffer.from("{}")), /does not appear to be a protobuf message/)
  assert.throws(() => readProtobuf(Buffer.from([0x0a, 0x05, 0x01]), pod.type, source), /unexpected EOF/)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readProtobuf(bytes, pod.type, source)
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
