import { InvalidArgumentError, Option } from "commander"

/** `--name NAME`, of every command about one cluster on this machine. */
export const nameOption = (): Option => new Option("--name <name>", "the cluster's name").default("ladya")

export const publicRegistriesOption = (): Option =>
  new Option("--public-registries <when>", "ask public registries for images that are not here")
    .choices(["auto", "on", "off"])
    .default("auto")

export const compactAfterOption = (): Option =>
  new Option("--compact-after <seconds>", "how long old versions of objects are kept for watches and lists")
    .argParser(parseCount)
    .default(300)

export const outputOption = (): Option => new Option("-o, --output <format>", "output format").choices(["json", "text"])

export const logLevelOption = (): Option =>
  new Option("--log-level <level>", "least level that is logged")
    .choices(["debug", "info", "warn", "error"])
    .default("info")

export function parseCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It is to be a whole number.")
  return Number(text)
}

/** Gathers an option that can be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value]
}

/** An address to listen on. */
export interface HostPort {
  host: string
  port: number
}

export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535)
    throw new InvalidArgumentError("It is to be HOST:PORT, like 127.0.0.1:6443 or [::1]:6443.")
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port }
}

export function collectHostPorts(value: string, before: HostPort[] = []): HostPort[] {
  return [...before, parseHostPort(value)]
}
