import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STAMP = 'dist/.built';
/** Files that Perfscope reads at runtime, with their paths in dist. */
const FILES = [
  ['src/storage/questdb/questdb-jar.mjs', 'dist/storage/questdb/questdb-jar.mjs'],
  ['src/server/alerts/rules/default-rules', 'dist/server/alerts/rules/default-rules'],
  ['demo/business-rules.yaml', 'dist/demo/business-rules.yaml'],
];

/** Compiles src to dist. Exits the process if the build fails. */
export async function build() {
  rmSync('dist', { recursive: true, force: true });
  const tsc = join('node_modules', '.bin', 'tsc');
  // The demo imports Perfscope by its package name, so it is compiled second.
  for (const project of ['tsconfig.build.json', 'tsconfig.demo.json']) {
    const { status } = spawnSync(tsc, ['-p', project], { stdio: 'inherit' });
    if (status !== 0) process.exit(status ?? 1);
  }
  // Imported here, because `isStale` must work before any package is installed.
  const { bundle } = await import('./bundle.mjs');
  await bundle();
  for (const [from, to] of FILES) cpSync(from, to, { recursive: true });
  writeFileSync(STAMP, '');
}

/**
 * Returns whether a source file is newer than dist.
 *
 * @returns {boolean}
 */
export function isStale() {
  const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = ['src', 'demo'].flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))),
  );
  const settings = [
    'tsconfig.build.json',
    'tsconfig.demo.json',
    'package-lock.json',
    'scripts/bundle.mjs',
  ];
  return [...sources, ...settings].some((file) => statSync(file).mtimeMs > built);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
