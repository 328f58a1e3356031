/** The pull policy of an image that says none: Always for `:latest` and for no tag, IfNotPresent for a tag or digest. */
export function defaultPullPolicy(image: string): "Always" | "IfNotPresent" {
  if (image.includes("@")) return "IfNotPresent"
  const lastPart = image.slice(image.lastIndexOf("/") + 1)
  const colon = lastPart.indexOf(":")
  return colon < 0 || lastPart.slice(colon + 1) === "latest" ? "Always" : "IfNotPresent"
}
