import { conversions } from "./conversions.ts"
import { encoderFunctions } from "./encoders.ts"
import { authorizerFunctions } from "./kubernetes/authorizer.ts"
import { formatFunctions } from "./kubernetes/formats.ts"
import { ipFunctions } from "./kubernetes/ip.ts"
import { quantityFunctions } from "./kubernetes/quantity.ts"
import { semverFunctions } from "./kubernetes/semver.ts"
import { urlFunctions } from "./kubernetes/url.ts"
import { listFunctions } from "./lists.ts"
import { mathFunctions } from "./math.ts"
import { operators } from "./operators.ts"
import { optionalFunctions } from "./optionals.ts"
import { type FunctionTable, tableOf } from "./overload.ts"
import { regexFunctions } from "./regular-expressions.ts"
import { stringFunctions } from "./strings.ts"
import { timeFunctions } from "./time.ts"

/** Every function that expressions of the API may call. */
export const allFunctions: FunctionTable = tableOf(
  operators,
  conversions,
  timeFunctions,
  stringFunctions,
  regexFunctions,
  listFunctions,
  mathFunctions,
  encoderFunctions,
  optionalFunctions,
  quantityFunctions,
  urlFunctions,
  ipFunctions,
  semverFunctions,
  formatFunctions,
  authorizerFunctions,
)
