import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STAMP = 'dist/.built';

/** Compiles src to dist. Ends the process when that fails. */
export function build() {
  rmSync('dist', { recursive: true, force: true });
  const tsc = join('node_modules', '.bin', 'tsc');
  const { status } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(STAMP, '');
}

/** @returns {boolean} whether anything that dist is made of is newer than dist */
export function isStale() {
  const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync('src', { recursive: true }).map((name) => join('src', String(name)));
  return [...sources, 'tsconfig.build.json', 'package-lock.json'].some(
    (file) => statSync(file).mtimeMs > built,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
