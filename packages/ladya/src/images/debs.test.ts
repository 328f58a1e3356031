import assert from "node:assert/strict"
import { test } from "node:test"
import { parsePackages, planClosure } from "./debs.ts"

const lists = `Package: server
Version: 5:7.0-1
Architecture: amd64
Pre-Depends: init-system-helpers (>= 1.54~)
Depends: lsb-base (>= 3.2-14), tools (= 5:7.0-1), mailer | mail-transport-agent

Package: tools
Version: 5:7.0-1
Architecture: amd64
Depends: libc6 (>= 2.34), adduser
Description: words
 more words, Depends: on nothing

Package: libc6
Version: 2.36
Architecture: amd64

Package: exim
Version: 4
Architecture: all
Provides: mail-transport-agent, smtp (= 1)
Depends: tools

Package: lsb-base
Version: 11
Architecture: all
`

test("packages are read with their alternatives and what they provide", () => {
  const [server, , , exim] = parsePackages(lists)
  assert.deepEqual(server?.depends, [
    ["init-system-helpers"],
    ["lsb-base"],
    ["tools"],
    ["mailer", "mail-transport-agent"],
  ])
  assert.equal(server?.version, "5:7.0-1")
  assert.deepEqual(exim?.provides, ["mail-transport-agent", "smtp"])
})

test("the closure follows alternatives and virtual packages, and leaves out what only installing needs", () => {
  const names = planClosure(["server"], parsePackages(lists)).map((one) => one.name)
  assert.deepEqual(names, ["exim", "libc6", "server", "tools"])
})

test("a package that is not there is said to be so", () => {
  assert.throws(() => planClosure(["nosuch"], []), /there is no Debian package "nosuch"/)
})
