/**
 * Returns the link to a runbook. The server has a page for each `#section` of docs/alerts.md.
 *
 * @param runbook a URL, or a section such as `#cpu`
 * @param publicUrl address of the server. Without it, the link is relative to the server: `/runbooks/cpu`.
 */
export function toRunbookLink(
  runbook: string | undefined,
  publicUrl: string | undefined,
): string | undefined {
  if (!runbook?.startsWith('#')) return runbook;
  return `${publicUrl?.replace(/\/+$/, '') ?? ''}/runbooks/${runbook.slice(1)}`;
}
