export { type DnsDeps, newDns } from "./dns.ts"
