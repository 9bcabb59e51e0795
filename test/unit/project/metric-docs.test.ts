import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const page = readFileSync('docs/metrics.md', 'utf8');
/** Names of OpenTelemetry metrics and attributes in string literals. */
const NAME =
  /['"`]((?:perfscope|http|rpc|network|db|messaging|nodejs|v8js|process|system|container|code|faas)(?:\.\w+)+)['"`]/g;
/** Names of Prometheus metrics in string literals. */
const PROMETHEUS_NAME = /['"`](ALERTS\w*|perfscope_[a-z_]+(?:\$\{\w+\})?)['"`]/g;
/** Names of other things: scopes of meters, channels of `node:diagnostics_channel`, and functions. */
const OTHER_NAMES: readonly RegExp[] = [
  /^perfscope\.(?!coverage$)\w+$/,
  /^perfscope\.doctor\.folder$/,
  /^http\.(?:client|server)\.(?:request|response)\.(?:created|error|finish|start)$/,
  /^process\.(?:emit|kill|pid|runtime\.\w+)$/,
  // Older names of attributes.
  /^(?:db|rpc)\.system$/,
];
/** Attributes of metrics that have only one segment after the prefix. */
const SHORT_ATTRIBUTES = ['perfscope.field', 'perfscope.endpoint', 'perfscope.operation'];
const LABELS = ['perfscope_reader', 'perfscope_id', 'perfscope_role'];

function findNames(pattern: RegExp, folders = ['src/agent', 'src/server']): string[] {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(folder, file)),
  );
  const names = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, name]) => name!),
  );
  return [...new Set(names)].toSorted();
}

const isOther = (name: string) =>
  !SHORT_ATTRIBUTES.includes(name) && OTHER_NAMES.some((pattern) => pattern.test(name));

it('docs/metrics.md lists each metric and attribute of the agent and the server', () => {
  const names = findNames(NAME).filter((name) => !isOther(name));
  expect(names.length).toBeGreaterThan(60);
  expect(names.filter((name) => !page.includes(`| \`${name}\``))).toEqual([]);
});

it('docs/metrics.md lists each metric of the Prometheus endpoint', () => {
  const names = findNames(PROMETHEUS_NAME).filter((name) => !LABELS.includes(name));
  const documented = names.flatMap((name) => {
    const text = name.replace(/\$\{.*/, '');
    return page.includes(`| \`${text}`) ? [] : [name];
  });
  expect(names.length).toBeGreaterThan(7);
  expect(documented).toEqual([]);
});

it('docs/metrics.md contains no metric that the code does not have', () => {
  const code = findNames(NAME, ['src/agent', 'src/core', 'src/server']);
  const [, ...rows] = page.split(/^\| `/m);
  const names = rows.map((row) => row.slice(0, row.indexOf('`'))).filter((name) => /\./.test(name));
  expect(names.length).toBeGreaterThan(60);
  expect(names.filter((name) => !code.includes(name))).toEqual([]);
});
