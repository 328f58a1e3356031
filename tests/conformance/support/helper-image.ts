import { realpathSync } from "node:fs"
import { join } from "node:path"
import { root, runProgram } from "./program.ts"

const image = "ladya.test/conformance-helper:latest"

/**
 * Makes the helper image (Node and tests/conformance/image) in the store of this Ladya cluster, from where its nodes
 * pull it, and gives its name. Its entry point takes a role and the role's arguments.
 */
export async function makeHelperImage(cluster: string | undefined): Promise<string> {
  if (cluster === undefined) throw new Error("a foreign cluster needs --image (the helper image), or --cluster NAME")
  const node = realpathSync(process.execPath)
  const outcome = await runProgram(
    join(root, "ladya"),
    [
      ...["image", "make", image, "--name", cluster],
      ...["--copy", `${node}:/usr/local/bin/node`],
      ...["--copy", `${join(root, "tests/conformance/image")}:/helper`],
      ...["--workdir", "/", "--entrypoint", "/usr/local/bin/node /helper/main.ts"],
    ],
    { timeoutMs: 300_000 },
  )
  if (outcome.code !== 0) throw new Error(`the helper image: ${outcome.stdout}\n${outcome.stderr}`)
  return image
}
