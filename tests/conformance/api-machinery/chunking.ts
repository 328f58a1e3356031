import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import { type KubeList, StatusError } from "@ladya/apimachinery"
import { mapLimit } from "@ladya/util"
import type { ConformanceContext } from "../support/context.ts"
import { conformance } from "../support/registry.ts"

const total = 400
type Page = KubeList<corev1.PodTemplate>

const nameOf = (index: number): string => `template-${String(index).padStart(4, "0")}`

async function createTemplates(t: ConformanceContext, namespace: string): Promise<void> {
  const spec = { containers: [{ name: "test", image: "test2" }] }
  await mapLimit(Array.from({ length: total }), 20, (_, index) =>
    t.client.resource(refs.podtemplates).create({
      apiVersion: "v1",
      kind: "PodTemplate",
      metadata: { namespace, name: nameOf(index) },
      template: { metadata: {}, spec },
    }),
  )
}

/** Checks a page that begins with number `found`, and gives the number the next begins with. */
function checkPage(page: Page, limit: number, found: number): number {
  const { remainingItemCount, continue: token } = page.metadata
  assert.ok(page.items.length <= limit)
  if (token) assert.equal((remainingItemCount ?? Number.NaN) + page.items.length + found, total)
  else assert.equal(remainingItemCount, undefined)
  for (const item of page.items) assert.equal(item.metadata.name, nameOf(found++))
  return found
}

conformance(
  "[sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await createTemplates(t, namespace)
    const templates = t.client.resource(refs.podtemplates)
    for (const limits of [[40], [1, 17, 39], [33, 2]]) {
      let found = 0
      let token: string | undefined
      let version: string | undefined
      for (let at = 0; at === 0 || token; at++) {
        const limit = limits[at % limits.length] as number
        const page: Page = await templates.list({ namespace, limit, ...(token ? { continue: token } : {}) })
        version ??= page.metadata.resourceVersion
        assert.equal(page.metadata.resourceVersion, version)
        found = checkPage(page, limit, found)
        token = page.metadata.continue
      }
      assert.equal(found, total)
    }
    assert.equal((await templates.list({ namespace, limit: total + 1 })).items.length, total)
    assert.equal((await templates.list({ namespace })).items.length, total)
  },
)

conformance(
  "[sig-api-machinery] Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await createTemplates(t, namespace)
    const templates = t.client.resource(refs.podtemplates)
    const limit = total / 10
    const first = await templates.list({ namespace, limit })
    checkPage(first, limit, 0)
    const token = first.metadata.continue ?? ""
    // A server forgets every five minutes what is older; a cluster that this suite starts does it much sooner.
    const inconsistent = await t.until(
      "the continue token to expire",
      async () => {
        try {
          await templates.list({ namespace, limit, continue: token })
          return undefined
        } catch (error) {
          assert.ok(error instanceof StatusError)
          assert.equal(error.status.code, 410)
          assert.equal(error.status.reason, "Expired")
          const { continue: other, resourceVersion } = error.status.metadata ?? {}
          assert.ok(other, "a token to go on with")
          return { token: other, resourceVersion }
        }
      },
      600_000,
    )
    let found = limit
    let version: string | undefined
    for (let next: string | undefined = inconsistent.token; next; ) {
      const page: Page = await templates.list({ namespace, limit, continue: next })
      assert.equal(page.items.length, limit)
      version ??= page.metadata.resourceVersion
      assert.equal(page.metadata.resourceVersion, version)
      found = checkPage(page, limit, found)
      next = page.metadata.continue
    }
    assert.notEqual(version, first.metadata.resourceVersion)
    assert.equal(found, total)
  },
  { timeoutMs: 660_000, idle: true },
)
