import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STAMP = 'dist/.built';
const AGENT_FOLDER = join('dist', 'agent-package');
/** Files that Perfscope reads at runtime, with their paths in dist. */
const FILES = [
  ['src/storage/questdb/questdb-jar.mjs', 'dist/storage/questdb/questdb-jar.mjs'],
  ['src/storage/questdb/questdb-release.mjs', 'dist/storage/questdb/questdb-release.mjs'],
  ['src/server/alerts/rules/default-rules', 'dist/server/alerts/rules/default-rules'],
  ['demo/business-rules.yaml', 'dist/demo/business-rules.yaml'],
];

/** Compiles src to dist. Exits the process if the build fails. */
export async function build() {
  rmSync('dist', { recursive: true, force: true });
  compile('tsconfig.build.json');
  // Imported here, because `isStale` must work before any package is installed.
  const { buildAgentPackage } = await import('./agent-package.mjs');
  const { buildWebApp } = await import('./web-app.mjs');
  await buildAgentPackage();
  removeUnpublishedFiles();
  // The demo imports Perfscope by its package name, so it is compiled after the agent package.
  compile('tsconfig.demo.json');
  await buildWebApp();
  for (const [from, to] of FILES) cpSync(from, to, { recursive: true });
  writeFileSync(STAMP, '');
}

function compile(project) {
  const tsc = join('node_modules', '.bin', 'tsc');
  const { status } = spawnSync(tsc, ['-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Removes compiled files that only the agent package needs, because it has its own bundled copies. */
function removeUnpublishedFiles() {
  const isBundled = (name) =>
    /^(client|esbuild|index|opentelemetry|register|agent-bin|unsupported-\w+)\.(js|d\.ts)$/.test(
      name,
    );
  for (const name of readdirSync('dist', { recursive: true }).map(String)) {
    const isInAgentPackage = join('dist', name).startsWith(AGENT_FOLDER);
    if (!isInAgentPackage && (isBundled(name) || name.endsWith('.d.ts')))
      rmSync(join('dist', name), { recursive: true, force: true });
  }
}

/**
 * Returns whether a source file is newer than dist.
 *
 * @returns {boolean}
 */
export function isStale() {
  const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = ['src', 'demo', 'packages'].flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))),
  );
  const settings = [
    'tsconfig.build.json',
    'tsconfig.demo.json',
    'package-lock.json',
    'scripts/agent-package.mjs',
    'scripts/bundle-agent.mjs',
    'scripts/private-references.mjs',
    'scripts/release/locked-packages.ts',
    'scripts/release/package-sboms.ts',
    'scripts/release/sbom.ts',
    'scripts/web-app.mjs',
  ];
  return [...sources, ...settings].some((file) => statSync(file).mtimeMs > built);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
