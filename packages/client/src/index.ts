export type * from "./client.ts"
export {
  type Controller,
  type ControllerOptions,
  done,
  newController,
  type Reconciler,
  type Result,
  requeueAfter,
  TerminalError,
} from "./controller/controller.ts"
export { type EventRecorder, type EventRecorderOptions, newEventRecorder, referenceTo } from "./events/recorder.ts"
export { ConnectionError, errorOfAnswer, errorOfEvent } from "./https/errors.ts"
export { JsonLines } from "./https/json-lines.ts"
export { type ClusterAccess, loadKubeconfig } from "./https/kubeconfig.ts"
export {
  type HttpsTransport,
  type HttpsTransportOptions,
  newHttpsTransport,
  type RawAnswer,
} from "./https/transport.ts"
export { type WireRequest, watchPath, wireRequest } from "./https/urls.ts"
export type { Indexer } from "./informer/cache.ts"
export { type InformerFactory, type InformerFactoryOptions, newInformerFactory } from "./informer/factory.ts"
export { type EventHandler, type Informer, type InformerOptions, newInformer } from "./informer/informer.ts"
export type { Selection } from "./informer/reflector.ts"
export { type LeaderElection, type LeaderElectionOptions, newLeaderElection } from "./leader/election.ts"
export { newClient } from "./new-client.ts"
export { newWorkQueue, TokenBucket, type WorkQueue, type WorkQueueOptions } from "./queue/work-queue.ts"
export { MemoryTransport } from "./testing/memory-transport.ts"
export type * from "./transport.ts"
export { type WaitForObjectOptions, waitForObject } from "./wait.ts"
