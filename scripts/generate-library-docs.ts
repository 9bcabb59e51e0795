// Generates the tables in docs/instrumentation.md and the list in README.md from the table of libraries. With
// `--check`, only reports outdated files.
import { readFileSync, writeFileSync } from 'node:fs';
import { LIBRARIES } from '../src/agent/instrumentation/library-table.ts';
import {
  formatVersionRange,
  type Library,
  type LibraryCategory,
} from '../src/agent/instrumentation/loading/library.ts';
import { UNMEASURED_LIBRARIES } from '../src/agent/instrumentation/unmeasured-libraries.ts';
import { formatMarkdownTable, replacePart } from './docs/markdown.ts';

const CATEGORIES: readonly [LibraryCategory, string][] = [
  ['framework', 'Frameworks'],
  ['full-stack', 'Full-stack frameworks'],
  ['api', 'GraphQL and RPC'],
  ['rpc', 'gRPC and WebSocket'],
  ['http-client', 'Outgoing calls'],
  ['database', 'Databases'],
  ['orm', 'ORMs and query builders'],
  ['queue', 'Queues'],
];

/** Files with generated parts, by the name of the part. */
const PARTS: readonly { file: string; name: string; format: () => string }[] = [
  { file: 'docs/instrumentation.md', name: 'libraries', format: formatTables },
  { file: 'docs/instrumentation.md', name: 'unmeasured libraries', format: formatUnmeasured },
  { file: 'README.md', name: 'libraries', format: formatShortList },
];

/** Returns the current text of each file with generated parts. */
export function formatLibraryDocs(): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { file, name, format } of PARTS) {
    const text = texts.get(file) ?? readFileSync(file, 'utf8');
    texts.set(file, replacePart(text, { file, name, command: 'libraries' }, format()));
  }
  return texts;
}

/** Returns one table for each category. Packages that are a part of another library are in its row. */
function formatTables(): string {
  return CATEGORIES.flatMap(([category, title]) => {
    const libraries = listLibraries(category);
    if (libraries.length === 0) return [];
    const rows = libraries.map((library) => [
      formatName(library),
      formatVersions(library),
      formatMeasured(library),
      formatLimits(library),
    ]);
    return [`### ${title}\n\n${formatMarkdownTable([HEADERS, ...rows])}\n`];
  }).join('\n');
}

const HEADERS = ['Library', 'Versions', 'Measured', 'Limits'];

function listLibraries(category: LibraryCategory): Library[] {
  return LIBRARIES.filter((each) => each.category === category && each.partOf === undefined);
}

function formatName({ name, through }: Library): string {
  const drivers = through?.map((each) => `\`${each}\``).join(', ');
  return drivers ? `\`${name}\` (through ${drivers})` : `\`${name}\``;
}

/** Parts of Node.js have the versions of Node.js. */
function formatRange({ versions, isBuiltIn }: Library): string {
  return `${isBuiltIn ? 'of Node.js ' : ''}${formatVersionRange(versions)}`;
}

function formatVersions(library: Library): string {
  const parts = listParts(library.name).map(
    (part) => `\`${part.name}\` ${formatVersionRange(part.versions)}`,
  );
  return [formatRange(library).replace(/^of /, ''), ...parts].join(', ');
}

function formatMeasured(library: Library): string {
  return [library, ...listParts(library.name)].map(({ measured }) => measured).join(' ');
}

function formatLimits(library: Library): string {
  return [library, ...listParts(library.name)].flatMap(({ limits }) => limits ?? []).join(' ');
}

function listParts(name: string): Library[] {
  return LIBRARIES.filter(({ partOf }) => partOf === name);
}

/** Databases whose statements are not SQL. */
const OTHER_DATABASES = new Set([
  ...['mongodb', 'ioredis', '@redis/client', 'memcached'],
  ...['@elastic/elasticsearch', 'cassandra-driver'],
]);

function formatShortList(): string {
  const rows = CATEGORIES.flatMap(([category, title]) => {
    if (category !== 'database') return formatShortRow(title, listLibraries(category));
    const groups = Object.groupBy(listLibraries(category), ({ name }) =>
      OTHER_DATABASES.has(name) ? 'Other databases' : 'SQL databases',
    );
    return Object.entries(groups).flatMap(([group, libraries]) => formatShortRow(group, libraries));
  });
  return `${formatMarkdownTable([['Kind', 'Libraries'], ...rows])}\n`;
}

function formatShortRow(title: string, libraries: readonly Library[]): string[][] {
  const names = libraries.map(
    (library) => `\`${library.name}\` ${formatRange(library).replace(' to ', '–')}`,
  );
  return names.length > 0 ? [[title, names.join(', ')]] : [];
}

function formatUnmeasured(): string {
  const names = Object.keys(UNMEASURED_LIBRARIES).toSorted();
  const lines = CATEGORIES.flatMap(([category, title]) => {
    const listed = names.filter((name) => UNMEASURED_LIBRARIES[name] === category);
    return listed.length > 0
      ? [`- **${title}:** ${listed.map((name) => `\`${name}\``).join(', ')}`]
      : [];
  });
  return `${lines.join('\n')}\n`;
}

if (import.meta.main) {
  const isCheck = process.argv.includes('--check');
  for (const [file, text] of formatLibraryDocs()) {
    if (readFileSync(file, 'utf8') === text) continue;
    if (isCheck) {
      console.error(`${file} is outdated. Run "npm run libraries".`);
      process.exitCode = 1;
    } else writeFileSync(file, text);
  }
}
