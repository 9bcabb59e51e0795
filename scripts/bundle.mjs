// Bundles the modules that an application loads at startup. Loading 270 small files would take 100 ms longer.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const ENTRIES = { register: 'src/register.ts', index: 'src/index.ts' };
/**
 * Dependencies in the bundle, because every application loads them at startup. The OpenTelemetry API is not in
 * the bundle: the application's own meters must share it. The other dependencies are loaded later or never.
 */
const BUNDLED_PACKAGES = [
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  'fastest-levenshtein',
  'p-limit',
  'p-map',
  'p-timeout',
];

/** Replaces the entry files in dist with bundles that share their chunks. */
export async function bundle() {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const external = Object.keys(dependencies).filter((name) => !BUNDLED_PACKAGES.includes(name));
  const bundler = await rolldown({
    input: ENTRIES,
    platform: 'node',
    external: external.map((name) => new RegExp(`^${name}(/|$)`)),
    // Prefers ES modules, which allow tree shaking: only ten of the semantic conventions are used.
    resolve: { mainFields: ['module', 'main'] },
  });
  // The chunks must be one level below `dist`, because a crashing process loads `../storage/write/create-writer.js`.
  const { output } = await bundler.write({
    dir: 'dist',
    chunkFileNames: 'agent/chunk-[name]-[hash].js',
  });
  await bundler.close();
  writeFileSync('dist/THIRD_PARTY_LICENSES.txt', formatLicenses(output));
}

/** Returns the names and license texts of the packages in the bundles. */
function formatLicenses(output) {
  const files = output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
  const folders = files.flatMap(
    (file) => file.match(/^.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? [],
  );
  return [...new Set(folders)]
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
