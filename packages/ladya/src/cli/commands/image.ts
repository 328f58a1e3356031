import { Command } from "commander"
import { collect, nameOption, outputOption } from "../options.ts"
import { newProgress, print, table } from "../output.ts"
import { commandWords } from "../words.ts"

export function newImageCommand(): Command {
  const image = new Command("image").description("load, list and make container images, without a registry")
  image.addCommand(newLoadCommand())
  image.addCommand(newListCommand())
  image.addCommand(newMakeCommand())
  image.addCommand(newRemoveCommand())
  return image
}

function newLoadCommand(): Command {
  return new Command("load")
    .description("load OCI or Docker archives (tar, tar.gz, tar.zst) onto every node")
    .argument("<file...>", "archives, as docker save and podman save write them")
    .addOption(nameOption())
    .action(async (files: string[], options: { name: string }) => {
      const { loadImages } = await import("../../cluster/images.ts")
      const progress = newProgress()
      for (const file of files) {
        const names = await progress.step(`load ${file}`, () => loadImages(options.name, file))
        for (const name of names) print(name)
      }
    })
}

function newListCommand(): Command {
  return new Command("ls")
    .description("list the images of the cluster's store")
    .addOption(nameOption())
    .addOption(outputOption())
    .action(async (options: { name: string; output?: string }) => {
      const { listImages } = await import("../../cluster/images.ts")
      const images = await listImages(options.name)
      if (options.output === "json") {
        print(JSON.stringify(images, undefined, 2))
        return
      }
      const rows = images.map(({ name, digest, sizeBytes }) => [
        name,
        digest.slice(0, 19),
        `${(sizeBytes / 1e6).toFixed(1)} MB`,
      ])
      print(table(["IMAGE", "DIGEST", "SIZE"], rows))
    })
}

function newRemoveCommand(): Command {
  return new Command("rm")
    .description("remove images from the cluster's store; nodes keep what they have pulled")
    .argument("<image...>")
    .addOption(nameOption())
    .action(async (names: string[], options: { name: string }) => {
      const { removeImages } = await import("../../cluster/images.ts")
      for (const name of await removeImages(options.name, names)) print(name)
    })
}

interface MakeCommandOptions {
  name: string
  deb: string[]
  copy: string[]
  env: string[]
  cmd?: string[]
  entrypoint?: string[]
  workdir?: string
  user?: string
  expose: string[]
  base: string
}

function newMakeCommand(): Command {
  return new Command("make")
    .description("make an image out of Debian packages and files of this machine, with the libraries they need")
    .argument("<image>", "its name, like shop/web:v2")
    .option("--deb <package>", "a Debian package with all it needs; can be given several times", collect, [])
    .option("--copy <src:dst>", "a file or directory; programs bring their libraries along; several times", collect, [])
    .option("--env <k=v>", "an environment variable; several times", collect, [])
    .argument("[cmd...]", "after --: what its containers run by default, where words begin with a hyphen")
    .option("--cmd <word...>", "what its containers run by default; one word with blanks in it is taken apart")
    .option("--entrypoint <word...>", "what is put before the command, even one that a pod gives")
    .option("--workdir <path>", "the working directory")
    .option("--user <user>", "the user or uid its containers run as")
    .option("--expose <port>", "a port it listens on, like 6379 or 53/udp; several times", collect, [])
    .option("--base <image>", "the image it starts from; none for an empty one", "busybox")
    .addOption(nameOption())
    .addHelpText(
      "after",
      `
Example:
  ladya image make shop/cache --deb redis-server --expose 6379 -- redis-server --protected-mode no`,
    )
    .action(async (image: string, words: string[], options: MakeCommandOptions) => {
      const cmd = [...(options.cmd ?? []), ...words]
      const { makeClusterImage } = await import("../../cluster/images.ts")
      const name = await newProgress().step(`make ${image}`, (detail) =>
        makeClusterImage(options.name, {
          image,
          base: options.base,
          debs: options.deb,
          copies: options.copy,
          config: {
            ...(options.env.length > 0 ? { Env: options.env } : {}),
            ...(cmd.length > 0 ? { Cmd: commandWords(cmd) } : {}),
            ...(options.entrypoint ? { Entrypoint: commandWords(options.entrypoint) } : {}),
            ...(options.workdir === undefined ? {} : { WorkingDir: options.workdir }),
            ...(options.user === undefined ? {} : { User: options.user }),
            ...(options.expose.length > 0
              ? {
                  ExposedPorts: Object.fromEntries(
                    options.expose.map((port) => [port.includes("/") ? port : `${port}/tcp`, {}]),
                  ),
                }
              : {}),
          },
          onStep: detail,
        }),
      )
      print(name)
    })
}
