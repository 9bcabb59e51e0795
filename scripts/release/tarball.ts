import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A `package.json`, with only the fields that the release scripts read. */
export interface Manifest extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly version: string;
}

/**
 * Returns the content of one file in an npm tarball.
 *
 * @param path for example `dist/bin.js`
 * @throws Error if the tarball doesn't contain the file
 */
export function readTarballFile(tarball: string, path: string): Buffer {
  return runTar(['-xzOf', tarball, `package/${path}`]);
}

/** Returns the `package.json` in an npm tarball. */
export function readTarballManifest(tarball: string): Manifest {
  return JSON.parse(readTarballFile(tarball, 'package.json').toString()) as Manifest;
}

/** Returns the paths of all files in an npm tarball, sorted, for example `dist/bin.js`. */
export function listTarball(tarball: string): string[] {
  const lines = runTar(['-tzf', tarball]).toString().trim().split('\n');
  return lines.map((line) => line.replace(/^package\//, '')).toSorted();
}

/** Returns the total size of all files in an npm tarball, in bytes. */
export function measureUnpackedSize(tarball: string): number {
  return runTar(['-xzOf', tarball]).length;
}

/** Returns the hash of a file. */
export function hashFileContent(
  file: string,
  algorithm: 'sha256' | 'sha512',
  encoding: 'hex' | 'base64' = 'hex',
): string {
  return hashBytes(readFileSync(file), algorithm, encoding);
}

/** Returns the hash of bytes. Default encoding: `hex`. */
export function hashBytes(
  bytes: Uint8Array,
  algorithm: 'sha256' | 'sha512',
  encoding: 'hex' | 'base64' = 'hex',
): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}

function runTar(args: readonly string[]): Buffer {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  return execFileSync('tar', args, { maxBuffer: Number.POSITIVE_INFINITY, stdio: [...stdio] });
}
