// Generates the tables of endpoints and parameters in docs/http-api.md from the OpenAPI document.
import { readFileSync, writeFileSync } from 'node:fs';
import { ENDPOINT_LIST } from '../src/server/api/endpoint-registry.ts';
import { getOpenApiDocument } from '../src/server/api/endpoints/openapi-endpoint.ts';
import { formatMarkdownTable, replacePart } from './docs/markdown.ts';

const FILE = 'docs/http-api.md';
const PREFIX = '/api/performance';

interface Parameter {
  readonly name: string;
  readonly description?: string;
  readonly schema?: { readonly description?: string };
}

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
}

/** Parameters that usually occur together, and have one name in the table of endpoints. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  range: ['from', 'to', 'last', 'timeZone'],
  'service filters': ['service', 'version', 'environment', 'instance'],
  'call filters': ['endpoint', 'operation', 'queue', 'queueScope'],
  'tenant filters': ['organizationId', 'propertyId'],
  page: ['limit', 'cursor'],
};

/** Returns the current text of docs/http-api.md. */
export function formatEndpointDocs(): string {
  const operations = listOperations();
  const part = (name: string) => ({ file: FILE, name, command: 'endpoints' });
  const endpoints = [
    ['Method', 'Path', 'Description', 'Parameters'],
    ...operations.map(({ method, path, summary, parameters }) => [
      method,
      `\`${path}\``,
      summary,
      formatParameters(parameters),
    ]),
  ];
  const text = replacePart(
    readFileSync(FILE, 'utf8'),
    part('endpoints'),
    `${formatMarkdownTable(endpoints)}\n`,
  );
  return replacePart(
    text,
    part('parameters'),
    `${formatMarkdownTable([['Parameter', 'Group', 'Meaning'], ...listParameters(operations)])}\n`,
  );
}

function listOperations(): Operation[] {
  const { paths = {} } = getOpenApiDocument(ENDPOINT_LIST);
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, Omit<Operation, 'method' | 'path'>>).map(
      ([method, { summary, parameters = [] }]) => ({
        method: method.toUpperCase(),
        path: path.startsWith(PREFIX) ? path.slice(PREFIX.length) : path,
        summary,
        // The path contains this parameter.
        parameters: parameters.filter(({ name }) => name !== 'id'),
      }),
    ),
  );
}

function formatParameters(parameters: readonly Parameter[]): string {
  const names = new Set(parameters.map(({ name }) => name));
  const groups = Object.entries(GROUPS).filter(([, group]) =>
    group.every((each) => names.has(each)),
  );
  const grouped = new Set(groups.flatMap(([, group]) => group));
  return [
    ...groups.map(([group]) => group),
    ...[...names].filter((name) => !grouped.has(name)).map((name) => `\`${name}\``),
  ].join(', ');
}

/** Returns a row for each parameter. */
function listParameters(operations: readonly Operation[]): string[][] {
  /** Paths of the endpoints, by parameter and its meaning. */
  const meanings = new Map<string, Map<string, Set<string>>>();
  for (const { path, parameters } of operations) {
    for (const { name, description, schema } of parameters) {
      const paths = meanings.get(name) ?? new Map<string, Set<string>>();
      const text = description ?? schema?.description;
      if (text) paths.set(text, (paths.get(text) ?? new Set()).add(path));
      meanings.set(name, paths);
    }
  }
  const groupOf = (name: string) =>
    Object.entries(GROUPS).find(([, group]) => group.includes(name))?.[0] ?? '';
  return [...meanings]
    .toSorted(([a], [b]) => groupOf(b).localeCompare(groupOf(a)))
    .map(([name, paths]) => [`\`${name}\``, groupOf(name), formatMeanings(paths)]);
}

/** If a parameter has several meanings, the paths of the endpoints precede each of them. */
function formatMeanings(paths: ReadonlyMap<string, ReadonlySet<string>>): string {
  if (paths.size === 1) return [...paths.keys()].join('');
  return [...paths]
    .map(([text, each]) => `${[...each].map((path) => `\`${path}\``).join(', ')}: ${text}`)
    .join(' ');
}

if (import.meta.main) writeFileSync(FILE, formatEndpointDocs());
