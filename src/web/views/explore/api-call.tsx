import type { Query } from '../../../client/api-types.ts';
import { ENDPOINT_PATHS } from '../../../client/api-types.ts';
import { caller, hasKey } from '../../api/session.ts';
import { CodeBlock } from '../../design/controls.tsx';
import { SERVER_URL } from '../../url/location.ts';

/** The request of the chart for a terminal, and for code with the client. */
export function ApiCall({ query }: { query: Query<'trends'> }) {
  const needsKey = caller.value?.keyRequired || hasKey.value;
  return (
    <div class="form">
      <p class="muted">
        {needsKey
          ? 'Create a key with the role VIEWER, and set it as KEY.'
          : 'The server needs no key. As soon as one exists, send it in the Authorization header.'}
      </p>
      <h3>curl</h3>
      <CodeBlock label="curl">{toCurl(query, Boolean(needsKey))}</CodeBlock>
      <h3>JavaScript</h3>
      <CodeBlock label="JavaScript">{toCode(query, Boolean(needsKey))}</CodeBlock>
    </div>
  );
}

function toCurl(query: Query<'trends'>, needsKey: boolean): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined) parameters.append(name, String(item));
    }
  }
  const header = needsKey ? '-H "Authorization: Bearer $KEY" ' : '';
  // URLSearchParams escapes quotes, so the URL can't end the shell's string.
  return `curl ${header}'${SERVER_URL}${ENDPOINT_PATHS.trends}?${parameters.toString().replaceAll("'", '%27')}'`;
}

function toCode(query: Query<'trends'>, needsKey: boolean): string {
  const options = [
    `url: ${JSON.stringify(SERVER_URL)}`,
    needsKey && 'key: process.env.PERFORMANCE_API_KEY',
  ].filter(Boolean);
  const entries = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${name}: ${JSON.stringify(value)},\n`);
  return `import { PerfscopeClient } from '@perfscope/agent/client';

const client = new PerfscopeClient({ ${options.join(', ')} });
const { series } = await client.get('trends', {
${entries.join('')}});
for (const { group, points } of series) console.log(group, points.at(-1));
`;
}
