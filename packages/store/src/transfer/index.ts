export { type OnProgress, type StoreDump, type StoredKey, TransferRefusedError } from "./dump.ts"
export { compactEtcd, dumpEtcd, loadEtcd, requireEmptyEtcd } from "./etcd.ts"
export { readSnapshot, writeSnapshot } from "./snapshot.ts"
export { compactSqlite, dumpSqlite, loadSqlite, requireEmptySqlite } from "./sqlite.ts"
