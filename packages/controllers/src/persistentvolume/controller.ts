import { type corev1, defaultStorageClass, refs, storageClassOf, volumeAnnotations } from "@ladya/api"
import { isStatus, keyOf, type ObjectKey } from "@ladya/apimachinery"
import { done, newController, type Result, referenceTo, requeueAfter } from "@ladya/client"
import { ComponentGroup } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { planClaim, type Remark } from "./plan-claim.ts"
import { planVolume } from "./plan-volume.ts"

type Claim = corev1.PersistentVolumeClaim
type Volume = corev1.PersistentVolume

/** A claim that waits for a provisioner says so again after this time. */
const resyncMs = 15_000

/** Binds claims to volumes, and lets go of volumes whose claims are gone. */
export const persistentVolumeController: ControllerDefinition = {
  name: "persistentvolume-binder",
  account: "persistent-volume-binder",
  eventSource: "persistentvolume-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const claims = informers.informer(refs.persistentvolumeclaims)
    const volumes = informers.informer(refs.persistentvolumes)
    const classes = informers.informer(refs.storageclasses)
    const binder = new Binder(context)
    const shared = { workers: config.workers, clock, log, metrics, waitFor: [claims, volumes, classes] }
    const claimLoop = newController({
      name: "persistentvolume-claims",
      reconciler: { reconcile: (key) => binder.syncClaim(key) },
      ...shared,
    })
    const volumeLoop = newController({
      name: "persistentvolume-volumes",
      reconciler: { reconcile: (key) => binder.syncVolume(key, (claim) => claimLoop.enqueue(claim)) },
      ...shared,
    })
    const onClaim = (claim: Claim): void => claimLoop.enqueue(keyOf(claim))
    const ofClaim = (claim: Claim): void => {
      const name = claim.spec?.volumeName
      if (name) volumeLoop.enqueue({ namespace: "", name })
    }
    claims.addHandler({
      add: onClaim,
      update: onClaim,
      delete: (claim) => {
        ofClaim(claim)
        for (const volume of volumes.values()) {
          if (volume.spec?.claimRef?.uid === claim.metadata.uid) volumeLoop.enqueue(keyOf(volume))
        }
      },
    })
    // A volume that is free may be what a claim waits for.
    const wakeWaiting = (): void => {
      for (const claim of claims.values()) if (!claim.spec?.volumeName) onClaim(claim)
    }
    const onVolume = (volume: Volume): void => {
      volumeLoop.enqueue(keyOf(volume))
      const { namespace = "", name = "" } = volume.spec?.claimRef ?? {}
      if (name) claimLoop.enqueue({ namespace, name })
      else wakeWaiting()
    }
    volumes.addHandler({ add: onVolume, update: onVolume, delete: onVolume })
    classes.addHandler({ add: wakeWaiting, update: wakeWaiting })
    return new ComponentGroup("persistentvolume-binder", [claimLoop, volumeLoop], log)
  },
}

class Binder {
  readonly #context: ControllerContext
  readonly #claims
  readonly #volumes
  readonly #classes

  constructor(context: ControllerContext) {
    this.#context = context
    this.#claims = context.informers.informer(refs.persistentvolumeclaims)
    this.#volumes = context.informers.informer(refs.persistentvolumes)
    this.#classes = context.informers.informer(refs.storageclasses)
  }

  async syncClaim(key: ObjectKey): Promise<Result> {
    const claim = this.#claims.get(key)
    if (!claim) return done
    const plan = planClaim({
      claim,
      volume: (name) => this.#volumes.get({ namespace: "", name }),
      volumes: this.#volumes.values(),
      storageClass: this.#classes.get({ namespace: "", name: storageClassOf(claim) }),
      defaultClass: defaultStorageClass(this.#classes.values()),
    })
    switch (plan.kind) {
      case "nothing":
        return done
      case "bind":
        await this.#bind(claim, plan.volume)
        return done
      case "lost":
        if (claim.status?.phase === "Lost") return done
        await this.#setPhase(claim, { phase: "Lost" })
        this.#say(claim, plan.remark)
        return done
      case "takeDefaultClass":
        if (claim.metadata.deletionTimestamp) return done
        await this.#updateClaim({ ...claim, spec: { ...claim.spec, storageClassName: plan.className } })
        return done
      case "provision":
        await this.#askProvisioner(claim, plan.storageClass.provisioner)
        this.#say(claim, plan.remark)
        return requeueAfter(resyncMs)
      case "wait":
        if (claim.status?.phase !== "Pending") await this.#setPhase(claim, { phase: "Pending" })
        // Said once for each state: what it waits for wakes it.
        if (plan.remark && !claim.metadata.deletionTimestamp) this.#say(claim, plan.remark)
        return done
    }
  }

  async syncVolume(key: ObjectKey, askClaim: (key: ObjectKey) => void): Promise<Result> {
    const volume = this.#volumes.get(key)
    if (!volume || volume.metadata.deletionTimestamp) return done
    const plan = planVolume(volume, (namespace, name) => this.#claims.get({ namespace, name }))
    const { namespace = "", name = "" } = volume.spec?.claimRef ?? {}
    if (plan.kind === "askClaim") askClaim({ namespace, name })
    if (plan.kind === "unbind") await this.#unbind(volume)
    if (plan.kind !== "phase") return done
    if (!(await this.#isStillSo(volume))) return requeueAfter(1000)
    await this.#context.client.resource(refs.persistentvolumes).updateStatus({
      ...volume,
      status: {
        ...volume.status,
        phase: plan.phase,
        ...(plan.remark ? { message: plan.remark.message, reason: plan.remark.reason } : {}),
      },
    })
    if (plan.remark) this.#context.recorder.event(volume, plan.remark.type, plan.remark.reason, plan.remark.message)
    return done
  }

  // Before a volume is said to be released the API is asked: the cache may be behind, and a provisioner deletes data.
  async #isStillSo(volume: Volume): Promise<boolean> {
    const holder = volume.spec?.claimRef
    if (!holder?.uid || volume.status?.phase !== "Bound") return true
    try {
      const claim = await this.#context.client
        .resource(refs.persistentvolumeclaims)
        .get(holder.name ?? "", { namespace: holder.namespace ?? "" })
      return claim.metadata.uid !== holder.uid || claim.spec?.volumeName !== volume.metadata.name
    } catch (error) {
      if (isStatus(error, "NotFound")) return true
      throw error
    }
  }

  /** Four small steps, each of which can be repeated: volume, its phase, claim, its phase. */
  async #bind(claim: Claim, volume: Volume): Promise<void> {
    const api = this.#context.client.resource(refs.persistentvolumes)
    let bound = volume
    if (volume.spec?.claimRef?.uid !== claim.metadata.uid) {
      const annotations = volume.spec?.claimRef
        ? volume.metadata.annotations
        : { ...volume.metadata.annotations, [volumeAnnotations.boundByController]: "yes" }
      const reference = referenceTo(claim)
      bound = await api.update({
        ...volume,
        metadata: { ...volume.metadata, ...(annotations ? { annotations } : {}) },
        spec: { ...volume.spec, claimRef: reference },
      })
    }
    if (bound.status?.phase !== "Bound") {
      bound = await api.updateStatus({ ...bound, status: { ...bound.status, phase: "Bound" } })
    }
    let current = claim
    const isMarked = claim.metadata.annotations?.[volumeAnnotations.bindCompleted] !== undefined
    if (claim.spec?.volumeName !== volume.metadata.name || !isMarked) {
      const annotations = {
        ...claim.metadata.annotations,
        [volumeAnnotations.bindCompleted]: "yes",
        ...(claim.spec?.volumeName ? {} : { [volumeAnnotations.boundByController]: "yes" }),
      }
      current = await this.#updateClaim({
        ...claim,
        metadata: { ...claim.metadata, annotations },
        spec: { ...claim.spec, volumeName: volume.metadata.name ?? "" },
      })
    }
    await this.#setPhase(current, {
      phase: "Bound",
      ...(bound.spec?.accessModes ? { accessModes: [...bound.spec.accessModes] } : {}),
      ...(bound.spec?.capacity ? { capacity: { ...bound.spec.capacity } } : {}),
    })
  }

  async #unbind(volume: Volume): Promise<void> {
    const api = this.#context.client.resource(refs.persistentvolumes)
    const { [volumeAnnotations.boundByController]: _, ...annotations } = volume.metadata.annotations ?? {}
    const { claimRef: __, ...spec } = volume.spec ?? {}
    const free = await api.update({ ...volume, metadata: { ...volume.metadata, annotations }, spec })
    await api.updateStatus({ ...free, status: { ...free.status, phase: "Available" } })
  }

  async #askProvisioner(claim: Claim, provisioner: string): Promise<void> {
    if (claim.metadata.annotations?.[volumeAnnotations.provisioner] === provisioner) return
    const annotations = {
      ...claim.metadata.annotations,
      [volumeAnnotations.betaProvisioner]: provisioner,
      [volumeAnnotations.provisioner]: provisioner,
    }
    await this.#updateClaim({ ...claim, metadata: { ...claim.metadata, annotations } })
  }

  #updateClaim(claim: Claim): Promise<Claim> {
    return this.#context.client.resource(refs.persistentvolumeclaims).update(claim)
  }

  async #setPhase(claim: Claim, status: corev1.PersistentVolumeClaimStatus): Promise<void> {
    await this.#context.client
      .resource(refs.persistentvolumeclaims)
      .updateStatus({ ...claim, status: { ...claim.status, ...status } })
  }

  #say(claim: Claim, { type, reason, message }: Remark): void {
    this.#context.recorder.event(claim, type, reason, message)
  }
}
