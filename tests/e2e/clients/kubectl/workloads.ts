import assert from "node:assert/strict"
import { test } from "node:test"
import { sleepingPod } from "../../support/cluster.ts"
import type { Kubectl } from "./smoke.ts"

/** Deployments, sets, jobs and their pods. */
export function workloadTests(kubectl: Kubectl): void {
  const k = (line: string) => kubectl().line(line)

  test("scale, autoscale, expose", async () => {
    assert.match(await k("scale deployment/web --current-replicas=2 --replicas=1"), /deployment\.apps\/web scaled/)
    assert.match(
      await kubectl().fails("scale deployment/web --current-replicas=2 --replicas=3"),
      /[Ee]xpected replicas/,
    )
    await k("wait --for=jsonpath={.status.replicas}=1 deployment/web --timeout=60s")
    assert.match(await k("autoscale deployment web --min=1 --max=1 --cpu-percent=80"), /web autoscaled/)
    assert.match(await k("get hpa web"), /Deployment\/web/)
    await k("delete hpa web")
    await k("expose deployment web --name=exposed --port=81 --target-port=8080")
    assert.equal(await k("get service exposed -o jsonpath={.spec.ports[0].port}/{.spec.selector.app}"), "81/web")
    await kubectl().cluster.until("its endpoints", async () => {
      return /addresses/.test(await k("get endpointslices -l kubernetes.io/service-name=exposed -o yaml"))
    })
  })

  test("rollout: set, status, history, pause, resume, undo, restart", async () => {
    const stage = "jsonpath={.spec.template.spec.containers[0].env[0].value}"
    await k("set env deployment/web STAGE=two")
    await k("rollout status deployment/web --timeout=90s")
    assert.match(await k("rollout history deployment/web"), /REVISION +CHANGE-CAUSE\n1 .*\n2 /)
    assert.match(await k("rollout history deployment/web --revision=2"), /STAGE:\s+two/)
    await k("rollout pause deployment/web")
    await k("set resources deployment/web --limits=memory=100Mi")
    assert.match(await kubectl().fails("rollout undo deployment/web"), /cannot rollback a paused|paused/)
    await k("rollout resume deployment/web")
    await k("rollout status deployment/web --timeout=90s")
    await k("rollout undo deployment/web --to-revision=1")
    await k("rollout status deployment/web --timeout=90s")
    assert.equal(await k(`get deployment web -o ${stage}`), "")
    assert.match(await k("rollout restart deployment/web"), /restarted/)
    await k("rollout status deployment/web --timeout=90s")
    await k("set image deployment/web web=busybox:latest")
    await k("rollout status deployment/web --timeout=90s")
  })

  test("jobs: from a cron job, completion waited for, logs", async () => {
    await kubectl().run(["create", "cronjob", "cron", "--image=busybox", "--schedule=0 0 1 1 *", "--", "echo", "done"])
    await k("create job manual --from=cronjob/cron")
    await k("wait --for=condition=complete job/manual --timeout=60s")
    assert.equal(await k("logs job/manual"), "done\n")
    assert.match(await k("get job manual"), /manual +Complete +1\/1/)
    assert.match(await k("describe job manual"), /Pods Statuses: +0 Active.*1 Succeeded/)
    await k("delete job/manual cronjob/cron")
  })

  test("logs: whole, followed, last lines, of the container before, by label", async () => {
    const script = "for i in 1 2 3; do echo line $i; done; sleep 1; echo end"
    const pod = sleepingPod(kubectl().namespace, "talker", {}, { command: ["sh", "-c", script] })
    await kubectl().run(["apply", "-f", "-"], { input: JSON.stringify(pod) })
    await k("wait --for=condition=Ready pod/talker --timeout=60s")
    assert.equal(await k("logs -f talker"), "line 1\nline 2\nline 3\nend\n")
    await kubectl().cluster.until("the second start", async () => {
      return Number(await k("get pod talker -o jsonpath={.status.containerStatuses[0].restartCount}")) >= 1
    })
    assert.equal(await k("logs --previous --tail=1 talker"), "end\n")
    assert.equal(await k("logs --previous --limit-bytes=6 talker"), "line 1")
    assert.match(await k("logs --previous --timestamps --since=5m talker"), /^\d{4}-\d\d-\d\dT[^ ]+ line 1\n/)
    assert.match(await k("logs -l app=talker --all-containers --prefix --tail=1"), /^\[pod\/talker\/main\] /)
    await k("delete pod talker --now")
  })

  test("top, when the metrics API is served", async () => {
    if (!(await k("api-versions")).includes("metrics.k8s.io")) return
    // A pod is shown once its containers were seen twice.
    for (const what of ["nodes", "pods"]) {
      await kubectl().cluster.until(`figures of ${what}`, async () => /^NAME +CPU/.test(await k(`top ${what}`)))
    }
  })
}
