import assert from "node:assert/strict"
import { type certificatesv1, refs } from "@ladya/api"
import { expectApiOperations, expectDiscovered } from "../support/api-operations.ts"
import { newCertificateRequest, newServerCertificate } from "../support/certificates.ts"
import { conformance } from "../support/registry.ts"
import { untilGone } from "../support/workloads.ts"

const requests = refs.certificatesigningrequests
type Request = certificatesv1.CertificateSigningRequest
type Condition = certificatesv1.CertificateSigningRequestCondition

const condition = (type: string): Condition => ({
  type,
  status: "True",
  reason: "E2E",
  message: "Set from an e2e test",
})
const typesOf = ({ status }: Request): string[] => (status?.conditions ?? []).map(({ type }) => type)

conformance(
  "[sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]",
  async (t) => {
    const signerName = `example.com/${t.unique("e2e")}`
    const request = Buffer.from(await newCertificateRequest("e2e.example.com")).toString("base64")
    const make = (name: string): Request => ({
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name },
      spec: {
        request,
        signerName,
        expirationSeconds: 3600,
        usages: ["digital signature", "key encipherment", "server auth"],
      },
    })
    await expectDiscovered(t, requests, ["approval", "status"])
    await expectApiOperations(t, requests, make)

    const resource = t.client.resource(requests)
    const name = t.unique("e2e-example-csr")
    t.defer(() => resource.delete(name))
    const created = await resource.create(make(name))
    assert.equal(created.spec.expirationSeconds, 3600)
    assert.ok(created.spec.username, "who asked for it is told")
    const bySigner = await resource.list({ fieldSelector: `spec.signerName=${signerName}` })
    assert.deepEqual(
      bySigner.items.map(({ metadata }) => metadata.uid),
      [created.metadata.uid],
    )

    const approval = await resource.getSubresource<Request>(name, "approval")
    assert.equal(approval.kind, "CertificateSigningRequest")
    assert.equal(approval.metadata.uid, created.metadata.uid)
    const patched = await resource.patch(
      name,
      "merge",
      {
        metadata: { annotations: { patchedapproval: "true" } },
        status: { conditions: [condition("ApprovalPatch")] },
      },
      { subresource: "approval" },
    )
    assert.deepEqual(typesOf(patched), ["ApprovalPatch"])
    assert.equal(patched.metadata.annotations?.["patchedapproval"], "true")
    const approved = structuredClone(patched) as Request
    approved.status = { conditions: [...(patched.status?.conditions ?? []), condition("Approved")] }
    const updated = await resource.update(approved, { subresource: "approval" })
    assert.deepEqual(typesOf(updated), ["ApprovalPatch", "Approved"])

    const status = await resource.getSubresource<Request>(name, "status")
    assert.equal(status.metadata.uid, created.metadata.uid)
    const { cert } = await newServerCertificate(["e2e.example.com"])
    const certificate = Buffer.from(cert).toString("base64")
    const signed = await resource.patch(
      name,
      "merge",
      { metadata: { annotations: { patchedstatus: "true" } }, status: { certificate } },
      { subresource: "status" },
    )
    assert.equal(signed.status?.certificate, certificate)
    assert.equal(signed.metadata.annotations?.["patchedstatus"], "true")
    const told = structuredClone(signed) as Request
    told.status = { ...told.status, conditions: [...(signed.status?.conditions ?? []), condition("StatusUpdate")] }
    const last = await resource.updateStatus(told)
    assert.deepEqual(typesOf(last), ["ApprovalPatch", "Approved", "StatusUpdate"])
    await resource.deleteCollection({ fieldSelector: `spec.signerName=${signerName}` })
    await untilGone(t, requests, { name })
  },
)
