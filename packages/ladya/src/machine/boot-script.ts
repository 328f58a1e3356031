import type { MachineLink, MachineSpec } from "./machine.ts"

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/**
 * What runs inside the new namespaces before pid 1 becomes the pause binary.
 * / is made shared within the private mount namespace: pods that ask for mount propagation need a shared parent.
 */
export function bootScript(spec: Pick<MachineSpec, "name" | "directory" | "facts">): string {
  const { directory } = spec
  const unified = spec.facts.hybridUnifiedMount
  return [
    "set -e",
    "mount --make-rshared /",
    // crun drops every controller when one of them sits on the cgroup v2 tree beside v1 ones.
    ...(unified === undefined ? [] : [`umount ${quote(unified)}`]),
    "mount -t tmpfs -o mode=755 tmpfs /run",
    "mkdir -p /run/netns /run/lock /var/lib/cni",
    `mount --bind ${quote(`${directory}/cni`)} /var/lib/cni`,
    // /etc/resolv.conf is often a link into /run, which is empty now: make its target first.
    'target=$(readlink -m /etc/resolv.conf); mkdir -p "$(dirname "$target")"; [ -e "$target" ] || : >"$target"',
    `mount --bind ${quote(`${directory}/etc/resolv.conf`)} /etc/resolv.conf`,
    `mount --bind ${quote(`${directory}/etc/hosts`)} /etc/hosts`,
    `hostname ${quote(spec.name)}`,
    "echo ready",
    `exec ${quote(`${directory}/bin/pause`)} </dev/null >/dev/null 2>&1`,
  ].join("\n")
}

/** What sets up the machine's network, run in its network namespace. */
export function networkScript(link: MachineLink): string {
  const sysctls: Record<string, string> = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "bridge/bridge-nf-call-iptables": "1",
    "bridge/bridge-nf-call-ip6tables": "1",
  }
  return [
    "set -e",
    // A kernel without IPv6 or without the bridge filter has not all of these.
    ...Object.entries(sysctls).map(([name, value]) => {
      const path = `/proc/sys/net/${name}`
      return `if [ -e ${path} ]; then echo ${value} >${path}; fi`
    }),
    "ip link set lo up",
    `ip addr add ${link.address}/${link.prefixLength} dev eth0`,
    "ip link set eth0 up",
    `ip route add default via ${link.gateway}`,
  ].join("\n")
}
