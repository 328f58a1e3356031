import { refs } from "@ladya/api"
import { type InformerFactory, newClient, newInformerFactory } from "@ladya/client"
import type { Clock, Component, Logger, Random } from "@ladya/util"
import { newAdmissionPlugins } from "./admission/index.ts"
import { newTypeChecking } from "./admission/type-checking/controller.ts"
import type { ApiServerInternals } from "./api-server.ts"
import { ClientCertificateAuthenticator } from "./authentication/client-certificate-authenticator.ts"
import { issuerRoutes } from "./authentication/issuer-discovery.ts"
import { RequestHeaderAuthenticator } from "./authentication/request-header-authenticator.ts"
import { identityReviews } from "./authentication/reviews.ts"
import { ServiceAccountAuthenticator } from "./authentication/service-account-authenticator.ts"
import { TokenIssuer } from "./authentication/service-account-tokens.ts"
import { tokenRequests } from "./authentication/token-request.ts"
import { TokenVerifier } from "./authentication/token-verifier.ts"
import { mastersAuthorizer, newAuthorizerChain } from "./authorization/chain.ts"
import { NodeAuthorizer } from "./authorization/node-authorizer.ts"
import { RbacAuthorizer } from "./authorization/rbac-authorizer.ts"
import { RbacIndex } from "./authorization/rbac-index.ts"
import { accessReviews } from "./authorization/reviews.ts"
import { frontProxyNames } from "./bootstrap/authentication-trust.ts"
import { newBootstrap } from "./bootstrap/bootstrap.ts"
import { agentRules, nodeRules } from "./bootstrap/policy/component-roles.ts"
import { newServerAddresses, type ServerAddresses } from "./bootstrap/server-addresses.ts"
import { isLoopback, type ServiceAddresses } from "./bootstrap/services.ts"
import type { ApiServerConfig } from "./config.ts"
import { newLookup } from "./lookup.ts"
import type { Pki } from "./pki/pki.ts"

export interface SecurityDeps {
  pki: Pick<Pki, "serviceAccountKey" | "serviceAccountPublicKeys" | "caCertificate" | "frontProxyCaCertificate">
  clock: Clock
  log: Logger
  random: Random
  /** The Services of the system; left to others when absent. */
  services?: ServiceAddresses
}

/** Signs the token of a Secret of type kubernetes.io/service-account-token. */
export type LegacyTokenSigner = TokenIssuer["issueLegacy"]

/** Who may come in and do what: the parts of an API server's configuration that say so. */
export interface Security extends Component {
  /** Goes into the `config` of newApiServer, which hands the server's inside over. */
  configure(
    server: ApiServerInternals,
  ): Pick<ApiServerConfig, "authenticators" | "authorizers" | "admission" | "special" | "routes" | "healthChecks">
  readonly signLegacyToken: LegacyTokenSigner
}

/**
 * Authentication, authorisation, admission and the objects a cluster begins with. Start it after the server: ready when
 * roles are known and those objects are there. Until then only `system:masters` may do anything.
 */
export function newSecurity(deps: SecurityDeps): Security {
  return new ClusterSecurity(deps)
}

class ClusterSecurity implements Security {
  readonly name = "security"
  readonly #deps: SecurityDeps
  readonly #tokens: TokenIssuer
  readonly #rbac = new RbacIndex()
  #parts: Component[] = []
  #isReady = false

  constructor(deps: SecurityDeps) {
    this.#deps = deps
    this.#tokens = new TokenIssuer({ key: deps.pki.serviceAccountKey, clock: deps.clock })
  }

  get signLegacyToken(): LegacyTokenSigner {
    return (request) => this.#tokens.issueLegacy(request)
  }

  configure(server: ApiServerInternals): ReturnType<Security["configure"]> {
    const { pki, clock, log, random } = this.#deps
    const client = newClient(server.loopback)
    const lookup = newLookup(client)
    const verifier = new TokenVerifier({ keys: pki.serviceAccountPublicKeys, lookup, clock })
    const { authorizers, parts, informers } = this.#newAuthorizers(server)
    const limitRanges = informers.informer(refs.limitranges)
    const quotas = informers.informer(refs.resourcequotas)
    const authorizer = newAuthorizerChain(authorizers)
    // First what is to be there, then the informers: whoever waits for the start finds all of it known.
    const trust = { clientCa: pki.caCertificate, frontProxyCa: pki.frontProxyCaCertificate }
    const typeChecking = newTypeChecking({ client, informers, resources: server.resources, clock, log })
    this.#parts = [
      newBootstrap({ ...this.#deps, ...this.#otherServers(server), client, trust }),
      ...parts,
      typeChecking,
    ]
    const tokenDeps = { issuer: this.#tokens, lookup, clock, audiences: verifier.audiences }
    return {
      authenticators: [
        new RequestHeaderAuthenticator({ ca: pki.frontProxyCaCertificate, allowedNames: frontProxyNames }),
        new ClientCertificateAuthenticator({ clock, ca: pki.caCertificate }),
        new ServiceAccountAuthenticator({ verifier, clock, log }),
      ],
      authorizers,
      admission: newAdmissionPlugins({
        lookup,
        clock,
        random,
        rbac: this.#rbac,
        authorizer,
        client,
        log,
        resources: server.resources,
        webhooks: server.webhooks,
        metrics: server.metrics,
        limitRangesIn: (namespace) => limitRanges.inNamespace(namespace),
        quotasIn: (namespace) => quotas.inNamespace(namespace),
      }),
      special: new Map([
        ...identityReviews({ verifier, clock }),
        ...tokenRequests(tokenDeps),
        ...accessReviews({ authorizer, rbac: this.#rbac }),
      ]),
      routes: issuerRoutes(this.#tokens.issuer, pki.serviceAccountPublicKeys),
      healthChecks: [
        {
          name: "poststarthook/rbac/bootstrap-roles",
          check: () => {
            if (!this.#isReady) throw new Error("not finished")
          },
        },
      ],
    }
  }

  #otherServers({ store }: ApiServerInternals): { servers?: ServerAddresses } {
    const { isShared, advertiseAddress: address = "" } = this.#deps.services ?? {}
    return isShared && !isLoopback(address) ? { servers: newServerAddresses({ store, address }) } : {}
  }

  async start(): Promise<void> {
    for (const part of this.#parts) await part.start()
    this.#isReady = true
  }

  async stop(signal: AbortSignal): Promise<void> {
    for (const part of this.#parts.toReversed()) await part.stop(signal)
  }

  #newAuthorizers(server: ApiServerInternals): Pick<ApiServerConfig, "authorizers"> & {
    parts: Component[]
    informers: InformerFactory
  } {
    const { clock, log, random } = this.#deps
    const client = newClient(server.loopback)
    const informers = newInformerFactory({ client, clock, log, random })
    this.#rbac.follow({
      subscribe: (ref, handler) => {
        informers.informer(ref).addHandler(handler)
      },
    })
    const nodeIndex = "nodeName"
    const pods = informers.informer(refs.pods, {
      indexers: { [nodeIndex]: (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []) },
    })
    const node = new NodeAuthorizer({
      podsOfNode: (name) => pods.byIndex(nodeIndex, name),
      rules: [...nodeRules, ...agentRules],
    })
    return { authorizers: [mastersAuthorizer, node, new RbacAuthorizer(this.#rbac)], parts: [informers], informers }
  }
}
