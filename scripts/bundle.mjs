// What an application loads before its own code, in few files: loading 270 small ones takes 100 ms more.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const ENTRIES = { register: 'src/register.ts', index: 'src/index.ts' };
/**
 * Loaded at the start of every application. The API is not: the application's own meters must find
 * it, whichever version they brought. All other dependencies are loaded later, or never.
 */
const INSIDE = [
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  'fastest-levenshtein',
  'p-limit',
  'p-map',
  'p-timeout',
];

/** Replaces the entries of dist by bundles that share their chunks. */
export async function bundle() {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const outside = Object.keys(dependencies).filter((name) => !INSIDE.includes(name));
  const made = await rolldown({
    input: ENTRIES,
    platform: 'node',
    external: outside.map((name) => new RegExp(`^${name}(/|$)`)),
    // Their ES modules can be shaken: of all semantic conventions ten are used.
    resolve: { mainFields: ['module', 'main'] },
  });
  // One level below `dist`, because a crashing process loads `../storage/write/create-writer.js`.
  const { output } = await made.write({
    dir: 'dist',
    chunkFileNames: 'agent/chunk-[name]-[hash].js',
  });
  await made.close();
  writeFileSync('dist/THIRD_PARTY_LICENSES.txt', licences(output));
}

/** The packages whose code is in the bundles, with what their licences want to be told. */
function licences(output) {
  const files = output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
  const inside = files.flatMap(
    (file) => file.match(/^.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? [],
  );
  return [...new Set(inside)]
    .toSorted()
    .map((folder) => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(folder, 'package.json'), 'utf8'),
      );
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file ? readFileSync(join(folder, file), 'utf8') : '';
      return `${name} ${version} (${license})\n\n${text}`;
    })
    .join(`\n${'-'.repeat(80)}\n`);
}
