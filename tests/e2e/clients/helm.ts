import assert from "node:assert/strict"
import { join } from "node:path"
import { before, describe, test } from "node:test"
import { ensureClientPrograms, type HelmVersion } from "../../clients/programs.ts"
import type { Cluster } from "../support/cluster.ts"
import { ClientProgram } from "./program.ts"

const chart = join(import.meta.dirname, "chart")

interface Release {
  name: string
  revision: string
  status: string
  chart: string
}

/** The life of one release of a chart with hooks, a test, a definition and an instance of it. */
export function helmTests(cluster: () => Cluster, version: HelmVersion): void {
  describe(`helm ${version}`, { concurrency: 1 }, () => {
    const release = `shop${version}`
    let program: ClientProgram | undefined
    const helm = (line: string): Promise<string> => {
      if (!program) throw new Error("helm is not there")
      return program.line(line)
    }
    const namespace = `helm-${version}`
    const kubectl = (line: string): Promise<string> => cluster().k(`-n ${namespace} ${line}`)
    const greeting = (): Promise<string> =>
      kubectl(`get --raw /api/v1/namespaces/${namespace}/services/${release}:http/proxy/`)
    // What waits for readiness and undoes what fails: both had other names before Helm 4.
    const undo = version === "3" ? "--atomic" : "--rollback-on-failure"

    before(async () => {
      const paths = await ensureClientPrograms()
      program = new ClientProgram(cluster(), paths.helm[version], namespace)
    })

    test("lint and template need no cluster", async () => {
      assert.match(await helm(`lint ${chart}`), /1 chart\(s\) linted, 0 chart\(s\) failed/)
      assert.match(await helm(`template ${release} ${chart}`), /kind: Deployment/)
    })

    test("install --wait runs the hook first and has all ready", async () => {
      const said = await helm(`install ${release} ${chart} --create-namespace --wait --timeout 90s`)
      assert.match(said, /STATUS: deployed[\s\S]*greets with hello/)
      assert.match(await kubectl(`get deployment ${release}`), /1\/1/)
      assert.equal(await kubectl(`logs job/${release}-pre-install`), "ran pre-install\n")
      assert.equal(await greeting(), "hello")
      assert.equal(await kubectl(`get coupon ${release} -o jsonpath={.spec.percent}`), "10")
      assert.match(
        await kubectl(`get secret -l owner=helm -o name`),
        new RegExp(`sh\\.helm\\.release\\.v1\\.${release}\\.v1`),
      )
    })

    test("list, status and get tell of the release", async () => {
      const [listed] = JSON.parse(await helm("list -o json")) as Release[]
      assert.deepEqual(
        [listed?.name, listed?.revision, listed?.status, listed?.chart],
        [release, "1", "deployed", "shop-0.1.0"],
      )
      assert.match(await helm(`status ${release}`), /STATUS: deployed/)
      const all = await helm(`get all ${release}`)
      assert.match(all, /HOOKS:[\s\S]*kind: Job[\s\S]*MANIFEST:[\s\S]*kind: Deployment/)
      assert.match(await helm(`get manifest ${release}`), /kind: Coupon/)
    })

    test("a dry run on the server shows the outcome and changes nothing", async () => {
      const dry = await helm(`upgrade ${release} ${chart} --set greeting=never --dry-run=server`)
      assert.match(dry, /greeting: "never"/)
      assert.match(await helm(`status ${release}`), /REVISION: 1/)
      assert.equal(await greeting(), "hello")
    })

    test("upgrade changes what the values change, and runs its hook", async () => {
      const said = await helm(`upgrade ${release} ${chart} --set greeting=welcome,replicas=2 --wait --timeout 90s`)
      assert.match(said, /REVISION: 2/)
      assert.equal(await greeting(), "welcome")
      assert.match(await kubectl(`get deployment ${release}`), /2\/2/)
      assert.equal(await kubectl(`logs job/${release}-post-upgrade`), "ran post-upgrade\n")
      assert.match(await helm(`get values ${release}`), /greeting: welcome/)
    })

    test("an upgrade that fails is undone", async () => {
      const failed = await program?.try(
        `upgrade ${release} ${chart} --reuse-values --set command=false --wait --timeout 5s ${undo}`.split(" "),
      )
      assert.notEqual(failed?.code, 0)
      assert.match(failed?.stderr ?? "", /rolled back/)
      assert.match(await kubectl(`rollout status deployment/${release} --timeout=60s`), /successfully rolled out/)
      assert.equal(await greeting(), "welcome")
      const history = JSON.parse(await helm(`history ${release} -o json`)) as { revision: number; status: string }[]
      assert.deepEqual(
        history.map(({ revision, status }) => `${revision} ${status}`),
        ["1 superseded", "2 superseded", "3 failed", "4 deployed"],
      )
    })

    test("rollback goes back to the first revision", async () => {
      assert.match(await helm(`rollback ${release} 1 --wait --timeout 90s`), /Rollback was a success/)
      assert.equal(await greeting(), "hello")
      assert.match(await kubectl(`get deployment ${release}`), /1\/1/)
    })

    test("the chart's test passes", async () => {
      const said = await helm(`test ${release} --timeout 60s --logs`)
      assert.match(said, /Phase: +Succeeded/)
    })

    if (version === "4") {
      test("what Helm 4 writes is applied on the server, and others' fields conflict", async () => {
        const fields = await kubectl(`get configmap ${release} -o yaml --show-managed-fields`)
        assert.match(fields, /manager: helm\n +operation: Apply/)
        await kubectl(`patch configmap ${release} --type=merge -p {"data":{"greeting":"mine"}}`)
        const refused = await program?.fails(`upgrade ${release} ${chart} --set greeting=theirs`)
        assert.match(refused ?? "", /conflict with "kubectl-patch"/)
        await helm(`upgrade ${release} ${chart} --set greeting=ours --force-conflicts --wait --timeout 90s`)
        assert.equal(await greeting(), "ours")
      })
    }

    test("uninstall leaves only the definition, which Helm never removes", async () => {
      assert.match(await helm(`uninstall ${release} --wait --timeout 60s`), /uninstalled/)
      const left = await kubectl(
        `get deployments,services,configmaps,secrets,coupons -l app.kubernetes.io/instance=${release} -o name`,
      )
      assert.equal(left, "")
      assert.deepEqual(JSON.parse(await helm("list -o json")), [])
    })
  })
}
