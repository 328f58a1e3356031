import { createHash } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { TLSSocket } from "node:tls"
import { type authenticationv1, refs } from "@ladya/api"
import type { Client } from "@ladya/client"
import type { Clock } from "@ladya/util"
import { AnswerCache } from "./cache.ts"

export interface User {
  name: string
  uid?: string
  groups: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

/** Says who sends a request; undefined for nobody known. Throws when the API server cannot be asked. */
export type Authenticator = (request: IncomingMessage) => Promise<User | undefined>

const goodForMs = 2 * 60_000
const badForMs = 10_000

/** The holder of a client certificate that the cluster's CA has signed. */
function certificateUser(request: IncomingMessage): User | undefined {
  const { socket } = request
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  const { subject } = socket.getPeerCertificate()
  if (!subject?.CN) return undefined
  // A subject may name several organisations, whatever the declaration says.
  const groups = subject.O as string | string[] | undefined
  return {
    name: String(subject.CN),
    groups: [...(groups === undefined ? [] : [groups].flat()), "system:authenticated"],
  }
}

function bearerToken(request: IncomingMessage): string | undefined {
  return /^bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1]
}

/** Client certificates, then bearer tokens by TokenReview. Nobody is let in anonymously. */
export function newAuthenticator(deps: { client: Client; clock: Clock }): Authenticator {
  const cache = new AnswerCache<User | undefined>(deps.clock)

  const review = async (token: string): Promise<User | undefined> => {
    const request: authenticationv1.TokenReview = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      metadata: {},
      spec: { token },
    }
    const { status } = await deps.client.resource(refs.tokenreviews).create(request)
    if (!status?.authenticated || !status.user?.username) return undefined
    const { username, uid, groups = [], extra } = status.user
    return { name: username, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) }
  }

  return async (request) => {
    const user = certificateUser(request)
    if (user) return user
    const token = bearerToken(request)
    if (!token) return undefined
    // The token itself is not kept in memory.
    const key = createHash("sha256").update(token).digest("base64")
    return cache.get(
      key,
      () => review(token),
      (answer) => (answer ? goodForMs : badForMs),
    )
  }
}
