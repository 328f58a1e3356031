import { readFile } from "node:fs/promises"

// systemd-resolved and dnsmasq keep the real servers here while resolv.conf points at a loopback stub.
const resolvFiles = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/resolv.conf"]

/** Drops name servers on loopback addresses, which a machine with its own network cannot reach. */
export function reachableResolvConf(text: string): string {
  return text
    .split("\n")
    .filter((line) => !/^\s*nameserver\s+(127\.|::1\s*$)/.test(line) && !/^\s*[#;]/.test(line) && line.trim() !== "")
    .map((line) => `${line}\n`)
    .join("")
}

/** The resolv.conf of a node: the host's name servers as far as they can be reached from another network namespace. */
export async function nodeResolvConf(fallbackServer: string): Promise<string> {
  let options = ""
  for (const path of resolvFiles) {
    const text = reachableResolvConf(await readFile(path, "utf8").catch(() => ""))
    if (/^\s*nameserver\s/m.test(text)) return text
    options ||= text
  }
  // Nothing can be asked; the gateway refuses at once, which is better than waiting.
  return `${options}nameserver ${fallbackServer}\n`
}
