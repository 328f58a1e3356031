import { newRandom, silentLogger } from "@ladya/util"
import { storeContract } from "../testing/contract.ts"
import { type EtcdCluster, etcdMissing, startEtcd } from "../testing/etcd.ts"
import { newEtcdStore } from "./etcd-store.ts"

let etcd: EtcdCluster | undefined

storeContract("the etcd store", {
  skip: etcdMissing(),
  onOurClock: false,
  sharesBuffers: false,
  modelWrites: 400,
  open: async (clock) => {
    etcd = await startEtcd()
    return newEtcdStore({ endpoints: etcd.endpoints, clock, log: silentLogger, random: newRandom(1) })
  },
  cleanUp: async () => etcd?.stop(),
})
