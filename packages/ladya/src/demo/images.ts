import { readFileSync } from "node:fs"
import { join } from "node:path"
import { makeClusterImage } from "../cluster/images.ts"
import { clusterPaths } from "../cluster/paths.ts"
import { fullImageName } from "../images/names.ts"
import { ImageStore } from "../images/store.ts"

export const repositoryRoot = join(import.meta.dirname, "../../../..")
export const exampleDirectory = join(repositoryRoot, "examples/guestbook")

/** Makes the example application's images out of this Node, the example's source, and Debian's Redis. */
export async function makeDemoImages(cluster: string, detail: (text: string) => void): Promise<void> {
  const store = new ImageStore(clusterPaths(cluster).images)
  const frontend = makeClusterImage(cluster, {
    image: "ladya/guestbook:v1",
    base: "busybox",
    debs: [],
    copies: [`${process.execPath}:/usr/bin/node`, `${exampleDirectory}/frontend:/app`],
    config: { Cmd: ["node", "/app/server.ts"], Env: [pathVariable, "VERSION=v1"], ExposedPorts: { "8080/tcp": {} } },
    onStep: (text) => detail(`front end: ${text}`),
  })
  // Redis does not change between two runs; the front end's source may have.
  const redis = (await store.resolve(fullImageName("ladya/redis:v1")))
    ? undefined
    : makeClusterImage(cluster, {
        image: "ladya/redis:v1",
        base: "busybox",
        debs: ["redis-server"],
        copies: [],
        config: { Cmd: ["redis-server"], Env: [pathVariable], ExposedPorts: { "6379/tcp": {} } },
        onStep: (text) => detail(`Redis: ${text}`),
      })
  await Promise.all([frontend, redis])
}

const pathVariable = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

export function exampleManifest(): string {
  return readFileSync(join(exampleDirectory, "manifests/guestbook.yaml"), "utf8")
}
