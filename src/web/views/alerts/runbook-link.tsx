import { SERVER_URL } from '../../url/location.ts';

/** Links to a runbook: a URL, or a path on the server. Other texts are not links, because rules are untrusted. */
export function RunbookLink({ runbook }: { runbook: string | undefined }) {
  if (!runbook) return <span class="faint">none</span>;
  if (runbook.startsWith('/') && !runbook.startsWith('//')) {
    return (
      <a class="link" href={`${SERVER_URL}${runbook}`} target="_blank" rel="noreferrer">
        What to do
      </a>
    );
  }
  if (!/^https?:\/\//i.test(runbook)) return <span class="name">{runbook}</span>;
  return (
    <a class="link name" href={runbook} target="_blank" rel="noreferrer noopener">
      {runbook}
    </a>
  );
}
