import { createPublicKey, type JsonWebKey, verify } from "node:crypto"
import { readFileSync } from "node:fs"
import { request } from "node:https"
import { option } from "../options.ts"

const account = "/var/run/secrets/kubernetes.io/serviceaccount"

interface Claims {
  iss: string
  aud: string[]
  sub: string
  exp: number
}

/**
 * Verifies the token at `--token-path` as a relying party does: finds its issuer's configuration and keys, and checks
 * signature, audience (`--audience`) and time. Fails when anything is wrong.
 */
export async function run(args: string[]): Promise<void> {
  const token = readFileSync(option(args, "token-path", `${account}/token`), "utf8").trim()
  const [head = "", payload = "", signature = ""] = token.split(".")
  const { alg, kid } = parse(head) as { alg: string; kid: string }
  const claims = parse(payload) as Claims
  const configuration = (await fetchJson(`${claims.iss}/.well-known/openid-configuration`)) as {
    issuer: string
    jwks_uri: string
    id_token_signing_alg_values_supported: string[]
    subject_types_supported: string[]
    response_types_supported: string[]
  }
  console.log(JSON.stringify(configuration))
  check(configuration.issuer === claims.iss, `the issuer is ${configuration.issuer}, not ${claims.iss}`)
  check(configuration.id_token_signing_alg_values_supported.includes(alg), `${alg} is not a supported algorithm`)
  check(configuration.subject_types_supported.includes("public"), "subject types")
  const { keys } = (await fetchJson(configuration.jwks_uri)) as { keys: (JsonWebKey & { kid: string })[] }
  const jwk = keys.find((key) => key.kid === kid)
  if (!jwk) throw new Error(`the key ${kid} is not published`)
  const key = createPublicKey({ key: jwk, format: "jwk" })
  const isEllipticCurve = alg.startsWith("ES")
  const isValid = verify(
    `sha${alg.slice(2)}`,
    Buffer.from(`${head}.${payload}`),
    isEllipticCurve ? { key, dsaEncoding: "ieee-p1363" } : key,
    Buffer.from(signature, "base64url"),
  )
  check(isValid, "the signature is wrong")
  check(claims.aud.includes(option(args, "audience", "")), `the audience is ${claims.aud.join()}`)
  check(claims.exp * 1000 > Date.now(), "the token has expired")
  console.log(`the token is valid: ${claims.sub}`)
}

const parse = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString("utf8"))

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

/** With what a pod trusts and has: the cluster's authority and its account's token. */
function fetchJson(url: string): Promise<unknown> {
  const authorization = `Bearer ${readFileSync(`${account}/token`, "utf8").trim()}`
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ca: readFileSync(`${account}/ca.crt`), headers: { authorization } }, (answer) => {
      const chunks: Buffer[] = []
      answer.on("data", (chunk: Buffer) => chunks.push(chunk))
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8")
        if (answer.statusCode === 200) resolve(JSON.parse(text))
        else reject(new Error(`${url}: ${answer.statusCode} ${text}`))
      })
    })
    outgoing.on("error", (error) => reject(new Error(`${url}: ${error.message}`)))
    outgoing.end()
  })
}
