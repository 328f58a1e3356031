import { errorMessage, type Logger, type Random } from "@ladya/util"
import dnsPacket, { type Answer, type DecodedPacket, type Packet } from "dns-packet"
import { answerQuestion, type ZoneOptions } from "./answer.ts"
import type { Forwarder } from "./forward.ts"
import type { RecordIndex } from "./records.ts"

export interface ResponderDeps {
  index: RecordIndex
  zone: ZoneOptions
  forwarder: Forwarder
  random: Random
  log: Logger
}

const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const
const authoritative = dnsPacket.AUTHORITATIVE_ANSWER
const udpLimit = 512
const ednsLimit = 1232

interface Reply {
  rcode: number
  aa: boolean
  answers: Answer[]
  additionals: Answer[]
  authorities: Answer[]
}

function soa({ domain, ttl }: ZoneOptions): Answer {
  return {
    type: "SOA",
    name: domain,
    ttl,
    data: {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: ttl,
    },
  }
}

/** Turns a query in wire form into an answer in wire form; undefined where there is nothing to answer. */
export function newResponder(
  deps: ResponderDeps,
): (query: Buffer, transport: "udp" | "tcp") => Promise<Buffer | undefined> {
  const { index, zone, forwarder, random, log } = deps

  async function aliasReply(answers: Answer[], target: string, type: string, depth: number): Promise<Reply> {
    const inner = answerQuestion(target, type, index, zone)
    if (inner.kind === "records") {
      return { rcode: 0, aa: true, answers: [...answers, ...inner.answers], additionals: [], authorities: [] }
    }
    if (inner.kind === "alias" && depth < 8) {
      return aliasReply([...answers, ...inner.answers], inner.target, type, depth + 1)
    }
    if (inner.kind !== "foreign") return { rcode: 0, aa: true, answers, additionals: [], authorities: [] }
    try {
      const query = dnsPacket.encode({
        type: "query",
        id: Math.floor(random() * 65_536),
        flags: dnsPacket.RECURSION_DESIRED,
        questions: [{ type: type as "A", name: target }],
      })
      const upstream = dnsPacket.decode(
        await forwarder.forward(query, "tcp").catch(() => forwarder.forward(query, "udp")),
      )
      return {
        rcode: 0,
        aa: true,
        answers: [...answers, ...(upstream.answers ?? [])],
        additionals: [],
        authorities: [],
      }
    } catch {
      // The alias itself is still true and useful to the client.
      return { rcode: 0, aa: true, answers, additionals: [], authorities: [] }
    }
  }

  async function reply(question: { name: string; type: string }): Promise<Reply | "forward"> {
    const result = answerQuestion(question.name, question.type, index, zone)
    const empty = { answers: [], additionals: [], authorities: [soa(zone)] }
    switch (result.kind) {
      case "foreign":
        return "forward"
      case "nodata":
        return { rcode: rcodes.NOERROR, aa: true, ...empty }
      case "nxdomain":
        return { rcode: rcodes.NXDOMAIN, aa: true, ...empty }
      case "alias":
        return aliasReply(result.answers, result.target, question.type, 0)
      case "records":
        return {
          rcode: rcodes.NOERROR,
          aa: true,
          answers: result.answers,
          additionals: result.additionals,
          authorities: [],
        }
    }
  }

  return async (raw, transport) => {
    let query: DecodedPacket
    try {
      query = dnsPacket.decode(raw)
    } catch {
      return raw.length >= 12 ? bareError(raw, rcodes.FORMERR) : undefined
    }
    if (query.type !== "query") return undefined
    const question = query.questions?.[0]
    if (!question || query.questions?.length !== 1) return bareError(raw, rcodes.FORMERR)
    const edns = query.additionals?.find((record) => record.type === "OPT")
    let result: Reply
    try {
      const made = await reply(question)
      if (made === "forward") {
        try {
          return await forwarder.forward(raw, transport)
        } catch (error) {
          log.debug("upstream lookup failed", { name: question.name, error: errorMessage(error) })
          return bareError(raw, rcodes.SERVFAIL)
        }
      }
      result = made
    } catch (error) {
      log.error("query failed", { name: question.name, error })
      return bareError(raw, rcodes.SERVFAIL)
    }
    const limit =
      transport === "tcp"
        ? 65_535
        : edns?.type === "OPT"
          ? Math.min(Math.max(edns.udpPayloadSize ?? udpLimit, udpLimit), ednsLimit)
          : udpLimit
    return encodeWithin(query, result, edns !== undefined, limit)
  }
}

function encodeWithin(query: DecodedPacket, result: Reply, edns: boolean, limit: number): Buffer {
  const opt: Answer[] = edns
    ? [
        {
          type: "OPT",
          name: ".",
          udpPayloadSize: ednsLimit,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ]
    : []
  const packet: Packet = {
    type: "response",
    id: query.id ?? 0,
    flags:
      (result.aa ? authoritative : 0) |
      ((query.flags ?? 0) & dnsPacket.RECURSION_DESIRED) |
      dnsPacket.RECURSION_AVAILABLE |
      result.rcode,
    questions: query.questions ?? [],
    answers: result.answers,
    authorities: result.authorities,
    additionals: [...result.additionals, ...opt],
  }
  let encoded = dnsPacket.encode(packet)
  if (encoded.length <= limit) return encoded
  encoded = dnsPacket.encode({ ...packet, additionals: opt })
  if (encoded.length <= limit) return encoded
  // Too large for UDP: the client asks again over TCP.
  return dnsPacket.encode({
    ...packet,
    flags: (packet.flags ?? 0) | dnsPacket.TRUNCATED_RESPONSE,
    answers: [],
    authorities: [],
    additionals: opt,
  })
}

/** An answer without records to a query that could not be read or carried out. */
function bareError(query: Buffer, rcode: number): Buffer {
  const answer = Buffer.alloc(12)
  query.copy(answer, 0, 0, 2)
  answer.writeUInt16BE(0x8000 | (query.readUInt16BE(2) & 0x7900) | 0x80 | rcode, 2)
  return answer
}
