const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character)

/** The guestbook as a page. */
export function page(options: { title: string; version: string; host: string; messages: readonly string[] }): string {
  const { title, version, host, messages } = options
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem; color: #223 }
  form { display: flex; gap: .5rem } input { flex: 1; font: inherit; padding: .4rem .6rem }
  button { font: inherit; padding: .4rem 1rem } li { margin: .3rem 0 } footer { color: #889; font-size: .85rem }
</style>
<h1>${escapeHtml(title)}</h1>
<form method="post" action="/messages"><input name="message" placeholder="Leave a message" maxlength="200" autofocus required><button>Sign</button></form>
<ol reversed>${messages.map((message) => `<li>${escapeHtml(message)}</li>`).join("")}</ol>
<footer>version ${escapeHtml(version)}, answered by ${escapeHtml(host)}</footer>
</html>
`
}
