import { refs, type storagev1 } from "@ladya/api"
import { expectApiOperations, expectDiscovered, expectStatusOperations } from "../support/api-operations.ts"
import { conformance } from "../support/registry.ts"

const apiVersion = "storage.k8s.io/v1" as const

conformance(
  "[sig-storage] CSIInlineVolumes should run through the lifecycle of a CSIDriver [Conformance]",
  async (t) => {
    await expectDiscovered(t, refs.csidrivers)
    await expectApiOperations(
      t,
      refs.csidrivers,
      (name): storagev1.CSIDriver => ({
        apiVersion,
        kind: "CSIDriver",
        metadata: { name },
        spec: { attachRequired: false, podInfoOnMount: true, volumeLifecycleModes: ["Ephemeral"] },
      }),
    )
  },
)

conformance(
  "[sig-storage] CSINodes CSI Conformance should run through the lifecycle of a csinode [Conformance]",
  async (t) => {
    await expectDiscovered(t, refs.csinodes)
    await expectApiOperations(
      t,
      refs.csinodes,
      (name): storagev1.CSINode => ({
        apiVersion,
        kind: "CSINode",
        metadata: { name },
        spec: { drivers: [] },
      }),
    )
  },
)

conformance(
  "[sig-storage] CSIStorageCapacity should support CSIStorageCapacities API operations [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await expectDiscovered(t, refs.csistoragecapacities)
    const make = (name: string): storagev1.CSIStorageCapacity => ({
      apiVersion,
      kind: "CSIStorageCapacity",
      metadata: { name, namespace },
      storageClassName: "some-storage-class",
    })
    await expectApiOperations(t, refs.csistoragecapacities, make, namespace)
  },
)

conformance(
  "[sig-storage] StorageClasses CSI Conformance should run through the lifecycle of a StorageClass [Conformance]",
  async (t) => {
    await expectDiscovered(t, refs.storageclasses)
    await expectApiOperations(
      t,
      refs.storageclasses,
      (name): storagev1.StorageClass => ({
        apiVersion,
        kind: "StorageClass",
        metadata: { name },
        provisioner: "e2e-fake-provisioner",
        reclaimPolicy: "Delete",
        volumeBindingMode: "WaitForFirstConsumer",
      }),
    )
  },
)

conformance(
  "[sig-storage] VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment [Conformance]",
  async (t) => {
    const make = (name: string): storagev1.VolumeAttachment => ({
      apiVersion,
      kind: "VolumeAttachment",
      metadata: { name },
      spec: {
        attacher: "e2e-test.storage.k8s.io",
        nodeName: "no-such-node",
        source: { persistentVolumeName: "no-such-volume" },
      },
    })
    await expectDiscovered(t, refs.volumeattachments, ["status"])
    await expectApiOperations(t, refs.volumeattachments, make)
    const name = t.unique("attachment")
    t.defer(() => t.client.resource(refs.volumeattachments).delete(name))
    await t.client.resource(refs.volumeattachments).create(make(name))
    await expectStatusOperations(t, refs.volumeattachments, name, { attached: true })
  },
)

conformance(
  "[sig-storage] VolumeAttributesClass [FeatureGate:VolumeAttributesClass] should run through the lifecycle of a VolumeAttributesClass [Conformance]",
  async (t) => {
    await expectDiscovered(t, refs.volumeattributesclasses)
    await expectApiOperations(
      t,
      refs.volumeattributesclasses,
      (name): storagev1.VolumeAttributesClass => ({
        apiVersion,
        kind: "VolumeAttributesClass",
        metadata: { name },
        driverName: "e2e-fake-csi-driver",
        parameters: { foo: "bar" },
      }),
    )
  },
)
