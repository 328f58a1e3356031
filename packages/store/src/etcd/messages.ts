/** The messages of etcd.proto as they come out of the decoder: zero values are there, int64 are numbers. */
export interface EtcdKeyValue {
  key: Buffer
  createRevision: number
  modRevision: number
  version: number
  value: Buffer
  /** 0: none. */
  lease: number
}

interface Header {
  header: { revision: number }
}

export interface RangeRequest {
  key: Buffer
  rangeEnd?: Buffer
  limit?: number
  revision?: number
  keysOnly?: boolean
  countOnly?: boolean
}

export interface RangeResponse extends Header {
  kvs: EtcdKeyValue[]
  more: boolean
  count: number
}

export type RequestOp =
  | { requestRange: RangeRequest }
  | { requestPut: { key: Buffer; value: Buffer; lease?: number } }
  | { requestDeleteRange: { key: Buffer; prevKv: boolean } }

export interface ResponseOp {
  responseRange?: RangeResponse
  responseDeleteRange?: { prevKvs: EtcdKeyValue[] }
}

export type Compare = { key: Buffer; result: "EQUAL" | "GREATER" } & (
  | { target: "VERSION"; version: number }
  | { target: "MOD"; modRevision: number }
)

export interface TxnRequest {
  compare: Compare[]
  success: RequestOp[]
  failure: RequestOp[]
}

export interface TxnResponse extends Header {
  succeeded: boolean
  responses: ResponseOp[]
}

export interface WatchRequest {
  createRequest: { key: Buffer; rangeEnd: Buffer; startRevision: number; prevKv: boolean }
}

export interface EtcdEvent {
  type: "PUT" | "DELETE"
  kv: EtcdKeyValue
  prevKv: EtcdKeyValue | null
}

export interface WatchResponse extends Header {
  created: boolean
  canceled: boolean
  compactRevision: number
  cancelReason: string
  events: EtcdEvent[]
}

/** Every method that is called, with what it takes and gives. */
export interface EtcdMethods {
  "KV.Range": [RangeRequest, RangeResponse]
  "KV.Txn": [TxnRequest, TxnResponse]
  "KV.Compact": [{ revision: number }, Header]
  "Lease.LeaseGrant": [{ TTL: number; ID: number }, Header & { ID: number; TTL: number }]
  "Lease.LeaseTimeToLive": [{ ID: number }, Header & { ID: number; TTL: number }]
  "Maintenance.Defragment": [object, Header]
  "Maintenance.Status": [object, Header & { version: string; dbSize: number }]
}
