import { type Fragment, masqueradeMark } from "./fragment.ts"

export const tableName = "ladya-proxy"

/** The table without any Service. Replaces what stands there under its name, in one transaction. */
export function baseTable(serviceCIDR: string): string {
  return `table ip ${tableName}
delete table ip ${tableName}
table ip ${tableName} {
  map services { type ipv4_addr . inet_proto . inet_service : verdict; }
  map nodeports { type inet_proto . inet_service : verdict; }
  set unserved { type ipv4_addr . inet_proto . inet_service; }
  set unserved-nodeports { type inet_proto . inet_service; }
  set hairpin { type ipv4_addr . ipv4_addr; }
  chain services {
    ip daddr . meta l4proto . th dport vmap @services
    ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @nodeports
  }
  chain refuse {
    ip daddr . meta l4proto . th dport @unserved reject
    fib daddr type local meta l4proto . th dport @unserved-nodeports reject
  }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
  chain output { type nat hook output priority -100; policy accept; jump services; }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    meta mark and ${masqueradeMark} == ${masqueradeMark} masquerade
    ip saddr . ip daddr @hairpin ct status dnat masquerade
  }
  chain filter-input { type filter hook input priority filter; policy accept; ct state new jump refuse; }
  chain filter-forward {
    type filter hook forward priority filter; policy accept;
    ct state new jump refuse
    ct state new ip daddr ${serviceCIDR} reject
  }
  chain filter-output {
    type filter hook output priority filter; policy accept;
    ct state new jump refuse
    ct state new ip daddr ${serviceCIDR} reject
  }
}
`
}

function elementCommand(verb: "add" | "delete", key: string, verdict: string): string {
  const space = key.indexOf(" ")
  const tail = verdict ? ` : ${verdict}` : ""
  return `${verb} element ip ${tableName} ${key.slice(0, space)} { ${key.slice(space + 1)}${tail} }`
}

/** The whole of what all fragments make, kept so that only what differs is sent to the kernel. */
export class TableState {
  readonly #fragments = new Map<string, Fragment>()
  /** Verdicts by Service, by `set key`. Where two Services claim one address, the first has it until it goes. */
  readonly #claims = new Map<string, Map<string, string>>()

  get services(): number {
    return this.#fragments.size
  }

  /** The commands that replace these Services' parts; undefined removes a Service. Takes them as done. */
  change(changes: ReadonlyMap<string, Fragment | undefined>): string {
    const adds: string[] = []
    const rules: string[] = []
    const flushes: string[] = []
    const drops: string[] = []
    const setDrops: string[] = []
    const touched = new Map<string, string | undefined>()
    for (const [service, next] of changes) {
      const before = this.#fragments.get(service)
      for (const key of [...(before?.elements.keys() ?? []), ...(next?.elements.keys() ?? [])]) {
        if (!touched.has(key)) touched.set(key, this.#verdict(key))
      }
      for (const [name, definition] of next?.sets ?? []) {
        if (!before?.sets.has(name)) adds.push(`add set ip ${tableName} ${name} { ${definition} }`)
      }
      for (const [name, chainRules] of next?.chains ?? []) {
        const old = before?.chains.get(name)
        if (old?.join("\n") === chainRules.join("\n")) continue
        if (old) rules.push(`flush chain ip ${tableName} ${name}`)
        else adds.push(`add chain ip ${tableName} ${name}`)
        for (const rule of chainRules) rules.push(`add rule ip ${tableName} ${name} ${rule}`)
      }
      for (const name of before?.chains.keys() ?? []) {
        if (next?.chains.has(name)) continue
        flushes.push(`flush chain ip ${tableName} ${name}`)
        drops.push(`delete chain ip ${tableName} ${name}`)
      }
      for (const name of before?.sets.keys() ?? []) {
        if (!next?.sets.has(name)) setDrops.push(`delete set ip ${tableName} ${name}`)
      }
      this.#replace(service, before, next)
    }
    const elementDrops: string[] = []
    const elementAdds: string[] = []
    for (const [key, old] of touched) {
      const now = this.#verdict(key)
      if (old === now) continue
      if (old !== undefined) elementDrops.push(elementCommand("delete", key, old))
      if (now !== undefined) elementAdds.push(elementCommand("add", key, now))
    }
    const lines = [...adds, ...rules, ...elementDrops, ...elementAdds, ...flushes, ...drops, ...setDrops]
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`
  }

  /** Forgets everything: the table has been made anew. */
  clear(): void {
    this.#fragments.clear()
    this.#claims.clear()
  }

  #verdict(key: string): string | undefined {
    return this.#claims.get(key)?.values().next().value
  }

  #replace(service: string, before: Fragment | undefined, next: Fragment | undefined): void {
    for (const key of before?.elements.keys() ?? []) {
      if (next?.elements.has(key)) continue
      const claims = this.#claims.get(key)
      claims?.delete(service)
      if (claims?.size === 0) this.#claims.delete(key)
    }
    for (const [key, verdict] of next?.elements ?? []) {
      const claims = this.#claims.get(key) ?? new Map<string, string>()
      this.#claims.set(key, claims)
      claims.set(service, verdict)
    }
    if (next) this.#fragments.set(service, next)
    else this.#fragments.delete(service)
  }
}
