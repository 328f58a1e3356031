import { newMemoryStore } from "./memory-store.ts"
import { storeContract } from "./testing/contract.ts"

storeContract("the memory store", { open: (clock) => newMemoryStore({ clock }) })
