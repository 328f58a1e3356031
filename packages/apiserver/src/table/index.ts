export { makeTable, type TableInput } from "./make-table.ts"
