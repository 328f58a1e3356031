import { randomUUID } from "node:crypto"
import { request } from "node:http"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { type Client, type HttpsTransport, waitForObject } from "@ladya/client"
import { errorMessage, sleep, systemClock } from "@ladya/util"
import { LadyaError } from "../errors.ts"

interface Answer {
  status: number
  body: string
}

/** One request over HTTP on a connection of its own, so that each can meet another pod. */
function http(url: string, options: { method?: string; body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: options.method ?? "GET",
      agent: false,
      timeout: 3000,
      headers: options.body === undefined ? {} : { "content-type": "application/json" },
    })
    sent.on("timeout", () => sent.destroy(new Error("no answer within 3 s")))
    sent.on("error", reject)
    sent.on("response", (response) => {
      let body = ""
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk
      })
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }))
    })
    sent.end(options.body)
  })
}

/** Calls the guestbook at these addresses: a message that is written at one is read at every one. */
export async function callOverHttp(addresses: readonly string[]): Promise<void> {
  const message = `hello ${randomUUID().slice(0, 8)}`
  const [first = ""] = addresses
  const written = await retried(`POST ${first}/api/messages`, () =>
    http(`${first}/api/messages`, { method: "POST", body: JSON.stringify({ message }) }),
  )
  if (written.status !== 201) throw new LadyaError(`${first} answered ${written.status}: ${written.body.trim()}`)
  for (const address of addresses) {
    const read = await retried(`GET ${address}/api/messages`, () => http(`${address}/api/messages`))
    if (read.status !== 200 || !read.body.includes(message)) {
      throw new LadyaError(`${address} did not give back the message: ${read.status}: ${read.body.trim()}`)
    }
  }
}

/** A Service's rules reach a node a moment after its pods are Ready: a connection that fails is tried again for a while. */
async function retried(what: string, task: () => Promise<Answer>): Promise<Answer> {
  const end = systemClock.monotonic() + 60_000
  for (;;) {
    try {
      return await task()
    } catch (error) {
      if (systemClock.monotonic() > end) throw new LadyaError(`${what}: ${errorMessage(error)}`)
      await sleep(systemClock, 100)
    }
  }
}

const checker = "guestbook-check"

/** Runs a pod that calls the Service by its DNS name, and reads its log: DNS, ClusterIP and logs at one go. */
export async function callFromPod(client: Client, transport: HttpsTransport, namespace: string): Promise<void> {
  const pods = client.resource(refs.pods)
  const url = `http://guestbook.${namespace}.svc.cluster.local/api/messages`
  const remove = async (): Promise<void> => {
    await pods.delete(checker, { namespace, gracePeriodSeconds: 0 }).catch((error) => {
      if (!isStatus(error, "NotFound")) throw error
    })
  }
  await remove()
  await pods.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: checker, namespace },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "call",
          image: "busybox",
          imagePullPolicy: "Always",
          command: [
            "sh",
            "-c",
            `for i in 1 2 3 4 5; do timeout 3 wget -q -O - ${url} && exit 0; sleep 1; done; exit 1`,
          ],
        },
      ],
    },
  })
  try {
    const ended = await waitForObject<corev1.Pod>(
      {
        ...{ client, ref: refs.pods, name: checker, namespace, clock: systemClock, timeoutMs: 180_000 },
        description: "the checking pod to end",
      },
      (pod) => ["Succeeded", "Failed"].includes(pod?.status?.phase ?? ""),
    )
    const log = await transport.raw({ method: "GET", path: `/api/v1/namespaces/${namespace}/pods/${checker}/log` })
    const text = log.body.toString().trim()
    if (ended?.status?.phase !== "Succeeded" || !text.includes('"messages"')) {
      throw new LadyaError(`a pod could not call ${url}: it ${ended?.status?.phase}, and said: ${text || "nothing"}`)
    }
  } finally {
    await remove()
  }
}
