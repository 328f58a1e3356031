import { Command, Option } from "commander"
import type { StoreTlsFiles } from "../../daemon/store.ts"
import type { StoreLocation } from "../../store/location.ts"
import { nameOption } from "../options.ts"
import { newProgress, print } from "../output.ts"

interface StoreCommandOptions {
  name: string
  dataDir?: string
  store?: string
  storeCa?: string
  storeCert?: string
  storeKey?: string
}

const forms = `
A store is named
  sqlite            the embedded one of the cluster (--name), or in --data-dir
  sqlite:FILE       an embedded one in any file
  etcd://HOST:PORT[,HOST:PORT...]   an etcd (https:// for TLS)`

export function newStoreCommand(): Command {
  const store = new Command("store").description("move, save and restore what a cluster keeps its objects in")
  store.addCommand(newCopyCommand())
  store.addCommand(newSnapshotCommand())
  store.addCommand(newRestoreCommand())
  store.addCommand(newCompactCommand())
  return store
}

function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(nameOption())
    .option("--data-dir <dir>", "the data directory of the server, where it is not the cluster's")
    .option("--store-ca <file>", "etcd's certificate authority; its connections are then TLS")
    .option("--store-cert <file>", "the client certificate that etcd is shown")
    .option("--store-key <file>", "the key of that certificate")
    .addHelpText("after", forms)
}

const storeOption = (): Option => new Option("--store <store>", "the store that is meant (the cluster's own)")

/** The store that was named, or the cluster's own. */
async function locate(text: string | undefined, options: StoreCommandOptions): Promise<StoreLocation> {
  const { parseLocation } = await import("../../store/location.ts")
  const { clusterPaths } = await import("../../cluster/paths.ts")
  const { readState } = await import("../../cluster/state.ts")
  const paths = clusterPaths(options.name)
  const own = text === undefined && options.dataDir === undefined ? (await readState(paths))?.store : undefined
  const files: StoreTlsFiles = {
    ...(options.storeCa === undefined ? {} : { ca: options.storeCa }),
    ...(options.storeCert === undefined ? {} : { cert: options.storeCert }),
    ...(options.storeKey === undefined ? {} : { key: options.storeKey }),
  }
  return parseLocation(text ?? own?.store ?? "sqlite", options.dataDir ?? paths.server, { ...own?.files, ...files })
}

function newCopyCommand(): Command {
  return command("copy", "copy everything from one store into another, which must be empty; both stopped")
    .argument("<from>", "the store that is read")
    .argument("<to>", "the store that is filled")
    .action(async (from: string, to: string, options: StoreCommandOptions) => {
      const { copyStore } = await import("../../store/transfer.ts")
      const { nameOf } = await import("../../store/location.ts")
      const target = await locate(to, options)
      const count = await copyStore(await locate(from, options), target, newProgress())
      print(`${count} keys are in ${nameOf(target)}. The store they were copied from is as it was.`)
      print(`Start the cluster on it: ladya up --store ${to}, or ladya server --store ${to}`)
    })
}

function newSnapshotCommand(): Command {
  return command("snapshot", "write everything in a store into one file")
    .argument("<file>", "the file to be made")
    .addOption(storeOption())
    .action(async (file: string, options: StoreCommandOptions) => {
      const { snapshotStore } = await import("../../store/transfer.ts")
      const { keys, revision, bytes } = await snapshotStore(await locate(options.store, options), file, newProgress())
      print(`${file}: ${keys} keys as of revision ${revision}, ${size(bytes)}. Secrets are in it, in the clear.`)
    })
}

function newRestoreCommand(): Command {
  return command("restore", "fill an empty store from such a file")
    .argument("<file>", "what snapshot has written")
    .addOption(storeOption())
    .action(async (file: string, options: StoreCommandOptions) => {
      const { restoreStore } = await import("../../store/transfer.ts")
      const { nameOf } = await import("../../store/location.ts")
      const target = await locate(options.store, options)
      print(`${await restoreStore(file, target, newProgress())} keys are in ${nameOf(target)}.`)
    })
}

function newCompactCommand(): Command {
  return command("compact", "forget all old versions of objects, and give their room back to the disk")
    .addOption(storeOption())
    .action(async (options: StoreCommandOptions) => {
      const { compactStore } = await import("../../store/transfer.ts")
      const { revision, bytesBefore, bytesAfter } = await compactStore(
        await locate(options.store, options),
        newProgress(),
      )
      print(`Compacted at revision ${revision}: ${size(bytesBefore)} are now ${size(bytesAfter)}.`)
    })
}

const size = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
