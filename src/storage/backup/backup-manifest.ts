import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { writePrivateFile } from '../../core/private-file.ts';
import type { FileDigest } from './copy-file.ts';

const MANIFEST_FILE = 'manifest.json';
/** Checksums in the `sha256sum` format, so that a backup can be verified without Perfscope. */
const CHECKSUMS_FILE = 'files.sha256';

const FORMAT_VERSION = 1;

/** Describes a backup and its content. */
export interface Manifest {
  readonly format: number;
  /** Perfscope version. */
  readonly version: string;
  readonly questdbVersion: string;
  readonly createdAt: string;
  readonly tables: readonly {
    readonly name: string;
    /** Number of rows when the backup started. The backup can also contain later rows. */
    readonly rows: number;
  }[];
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 hash of the checksum file. */
  readonly filesSha256: string;
}

const manifestSchema = z.looseObject({
  format: z.int(),
  version: z.string(),
  questdbVersion: z.string(),
  createdAt: z.iso.datetime(),
  tables: z.array(z.looseObject({ name: z.string(), rows: z.int().nonnegative() })),
  files: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  filesSha256: z.string(),
});

/** The copied files, by path in the backup. Paths use `/`. */
export type CopiedFiles = ReadonlyMap<string, FileDigest>;

/** Writes the checksums and the manifest into a backup folder. */
export async function writeManifest(
  folder: string,
  copied: CopiedFiles,
  details: Omit<Manifest, 'format' | 'createdAt' | 'files' | 'bytes' | 'filesSha256'>,
): Promise<Manifest> {
  const list = [...copied].map(([path, { sha256 }]) => `${sha256}  ${path}\n`).join('');
  const manifest = {
    format: FORMAT_VERSION,
    createdAt: new Date().toISOString(),
    ...details,
    files: copied.size,
    bytes: [...copied.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    filesSha256: createHash('sha256').update(list).digest('hex'),
  };
  writePrivateFile(join(folder, CHECKSUMS_FILE), list, { durable: true });
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  writePrivateFile(join(folder, MANIFEST_FILE), text, { durable: true });
  return manifest;
}

/** The manifest of a backup, and the SHA-256 hash of each file by path. */
export interface BackupContents {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, string>;
}

/**
 * Reads the manifest and the checksums of a backup.
 *
 * @throws PS_BACKUP_DAMAGED if the folder does not contain exactly the listed files
 */
export async function readBackupContents(folder: string): Promise<BackupContents> {
  if (!existsSync(folder)) throw createDamagedError(folder, 'the folder does not exist');
  const read = (name: string) =>
    readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      throw createDamagedError(folder, isMissing ? `${name} is missing` : errorMessage(error));
    });
  const list = await read(CHECKSUMS_FILE);
  const manifest = parseManifest(folder, await read(MANIFEST_FILE));
  if (createHash('sha256').update(list).digest('hex') !== manifest.filesSha256) {
    throw createDamagedError(folder, `${CHECKSUMS_FILE} has been changed`);
  }
  const lines = list.split('\n').filter((line) => line !== '');
  const files = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
  // Compare in both directions. A listed path outside the folder is then reported as missing.
  const present = new Set(listFiles(folder));
  for (const path of present)
    if (!files.has(path))
      throw createDamagedError(folder, `${path} is not listed in ${CHECKSUMS_FILE}`);
  for (const path of files.keys()) {
    if (!present.has(path)) throw createDamagedError(folder, `${path} is missing`);
  }
  return { manifest, files };
}

/**
 * Reads each file of a backup once with `read`, and compares its hash with the checksum.
 *
 * @throws PS_BACKUP_DAMAGED if a file was changed. Errors from `read` are rethrown.
 */
export async function verifyFiles(
  folder: string,
  files: BackupContents['files'],
  read: (file: string, path: string) => Promise<FileDigest>,
): Promise<void> {
  for (const [path, sha256] of files) {
    const digest = await read(join(folder, path), path);
    if (digest.sha256 !== sha256) throw createDamagedError(folder, `${path} has been changed`);
  }
}

function createDamagedError(folder: string, reason: string) {
  return createError('PS_BACKUP_DAMAGED', { folder, reason });
}

/**
 * Returns the paths of all files in a folder and its subfolders, except for manifest and checksums.
 */
export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => path !== MANIFEST_FILE && path !== CHECKSUMS_FILE)
    .sort();
}

function parseManifest(folder: string, text: string): Manifest {
  const value = parseJson(text);
  const { format } = (value ?? {}) as { format?: unknown };
  if (Number.isSafeInteger(format) && format !== FORMAT_VERSION) {
    throw createDamagedError(folder, `${MANIFEST_FILE} has the unsupported format ${format}`);
  }
  const { success, data } = manifestSchema.safeParse(value);
  if (!success) throw createDamagedError(folder, `${MANIFEST_FILE} is empty or incomplete`);
  return data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
