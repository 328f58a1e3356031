import { type EventRecorder, referenceTo } from "@ladya/client"
import { containerFieldPath, type Pod, type PodContainer } from "../pods/pod.ts"

export type EventType = "Normal" | "Warning"

/** Tells users what happens to pods and containers, as `kubectl describe` shows it. */
export interface PodEvents {
  pod(pod: Pod, type: EventType, reason: string, message: string): void
  container(pod: Pod, container: PodContainer, type: EventType, reason: string, message: string): void
}

export function newPodEvents(recorder: EventRecorder): PodEvents {
  return {
    pod: (pod, type, reason, message) => recorder.event(referenceTo(pod), type, reason, message),
    container: (pod, container, type, reason, message) =>
      recorder.event(referenceTo(pod, containerFieldPath(container)), type, reason, message),
  }
}
