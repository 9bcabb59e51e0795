import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Folder in which the build creates the agent package. */
export const AGENT_FOLDER = 'dist/agent-package';

/** Reads a JSON file, such as a `package.json`. */
export function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Writes a JSON file as npm formats it. */
export function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Packs the package in `folder`.
 *
 * @param out an existing folder for the tarball
 * @throws Error if npm fails
 */
export function packFolder(folder: string, out: string): void {
  runNpmPack(['--pack-destination', resolve(out)], folder);
}

/** Runs `npm pack` without the package's scripts, and returns what it prints. */
export function runNpmPack(args: readonly string[], cwd: string): string {
  const command = ['pack', '--silent', '--ignore-scripts', ...args];
  return execFileSync('npm', command, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
}
