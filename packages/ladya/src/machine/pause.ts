/**
 * The process that does nothing but hold namespaces open and bury the dead: pid 1 of every pod sandbox and of every
 * machine. It is written here as machine code, so that no compiler is needed and nothing is downloaded. In C:
 *
 *   sigprocmask(SIG_BLOCK, {INT, TERM, CHLD}, NULL)
 *   for (;;) switch (sigtimedwait({INT, TERM, CHLD}, NULL, NULL)) {
 *     case CHLD: while (wait4(-1, NULL, WNOHANG, NULL) > 0); break
 *     case INT, TERM: exit(0)
 *     default (interrupted): break
 *   }
 *
 * Blocked signals reach pid 1 of a namespace through sigtimedwait, although it has no handlers.
 */
const code = {
  x64: [
    // _start: rt_sigprocmask(0, set, 0, 8)
    "b80e000000 31ff 488d3552000000 31d2 41ba08000000 0f05",
    // loop: rt_sigtimedwait(set, 0, 0, 8); CHLD → reap; negative → loop; else exit(0)
    "b880000000 488d3d3c000000 31f6 31d2 41ba08000000 0f05 83f811 740d 85c0 78df b83c000000 31ff 0f05",
    // reap: wait4(-1, 0, WNOHANG, 0); more → reap; else loop
    "b83d000000 48c7c7ffffffff 31f6 ba01000000 4531d2 0f05 85c0 7fe4 ebb8",
    // set: INT (2), TERM (15), CHLD (17)
    "0240010000000000",
  ],
  arm64: [
    "000080d2 41030010 020080d2 030180d2 e81080d2 010000d4",
    "a0020010 010080d2 020080d2 030180d2 281180d2 010000d4",
    "1f440071 a0000054 00ffff37 000080d2 a80b80d2 010000d4",
    "00008092 010080d2 220080d2 030080d2 882080d2 010000d4 1f000071 2cffff54 ecffff17",
    "0240010000000000",
  ],
} as const

const machineNumber = { x64: 62, arm64: 183 } as const
const loadAddress = 0x400000n
const headerSize = 64 + 56

/** A static ELF executable of about 220 bytes. */
export function pauseBinary(architecture: "x64" | "arm64"): Buffer {
  const text = Buffer.from(code[architecture].join("").replaceAll(" ", ""), "hex")
  const header = Buffer.alloc(headerSize)
  // ELF header: 64-bit, little-endian, executable; one program header right behind.
  header.write("\x7fELF\x02\x01\x01", "latin1")
  header.writeUInt16LE(2, 16)
  header.writeUInt16LE(machineNumber[architecture], 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(loadAddress + BigInt(headerSize), 24)
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(1, 56)
  // Program header: load the whole file, readable and executable.
  header.writeUInt32LE(1, 64)
  header.writeUInt32LE(5, 68)
  header.writeBigUInt64LE(loadAddress, 80)
  header.writeBigUInt64LE(loadAddress, 88)
  const size = BigInt(headerSize + text.length)
  header.writeBigUInt64LE(size, 96)
  header.writeBigUInt64LE(size, 104)
  header.writeBigUInt64LE(0x1000n, 112)
  return Buffer.concat([header, text])
}
