import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { createError, errorMessage } from '../../core/errors.ts';
import type { FileDigest } from './copy-file.ts';

const MANIFEST_FILE = 'manifest.json';
/** In the format of `sha256sum`, so that a backup can be checked without Perfscope. */
const CHECKSUMS_FILE = 'files.sha256';

const FORMAT_VERSION = 1;

/** What a backup is and holds. */
export interface Manifest {
  readonly format: number;
  /** Of Perfscope, and of its QuestDB. */
  readonly version: string;
  readonly questdbVersion: string;
  readonly createdAt: string;
  readonly tables: readonly {
    readonly name: string;
    /** All that were stored when the backup began; what came meanwhile may be in it too. */
    readonly rows: number;
  }[];
  readonly files: number;
  readonly bytes: number;
  /** SHA-256 of the list of files, which has those of the files. */
  readonly filesSha256: string;
}

/** What was copied, by its path in the backup, with `/`. */
export type CopiedFiles = ReadonlyMap<string, FileDigest>;

/** Writes the list of files and the manifest, which makes a folder a backup. */
export async function writeManifest(
  folder: string,
  copied: CopiedFiles,
  about: Omit<Manifest, 'format' | 'createdAt' | 'files' | 'bytes' | 'filesSha256'>,
): Promise<Manifest> {
  const list = [...copied].map(([path, { sha256 }]) => `${sha256}  ${path}\n`).join('');
  const manifest = {
    format: FORMAT_VERSION,
    createdAt: new Date().toISOString(),
    ...about,
    files: copied.size,
    bytes: [...copied.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    filesSha256: createHash('sha256').update(list).digest('hex'),
  };
  await writeFile(join(folder, CHECKSUMS_FILE), list, { mode: 0o600 });
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFile(join(folder, MANIFEST_FILE), text, { mode: 0o600 });
  return manifest;
}

/** A backup's manifest, and the SHA-256 of each of its files by path. */
export interface BackupContents {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, string>;
}

/** @throws PS_BACKUP_DAMAGED unless the folder has exactly the files of its list */
export async function readBackupContents(folder: string): Promise<BackupContents> {
  const read = (name: string) =>
    readFile(join(folder, name), 'utf8').catch((error: unknown) => {
      throw createDamagedError(folder, errorMessage(error));
    });
  const list = await read(CHECKSUMS_FILE);
  const manifest = parseManifest(await read(MANIFEST_FILE));
  if (manifest?.format !== FORMAT_VERSION) {
    throw createDamagedError(folder, `its ${MANIFEST_FILE} is not of this version`);
  }
  if (createHash('sha256').update(list).digest('hex') !== manifest.filesSha256) {
    throw createDamagedError(folder, `${CHECKSUMS_FILE} has been changed`);
  }
  const lines = list.split('\n').filter((line) => line !== '');
  const files = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
  // Both ways: a name in the list that leads out of the folder is not among its files.
  const present = new Set(listFiles(folder));
  for (const path of present)
    if (!files.has(path)) throw createDamagedError(folder, `${path} is not listed`);
  for (const path of files.keys()) {
    if (!present.has(path)) throw createDamagedError(folder, `${path} is missing`);
  }
  return { manifest, files };
}

/**
 * Reads each file of a backup once, with `read`, and compares it with the list.
 *
 * @throws PS_BACKUP_DAMAGED, and what `read` throws
 */
export async function verifyFiles(
  folder: string,
  files: BackupContents['files'],
  read: (file: string, path: string) => Promise<FileDigest>,
): Promise<void> {
  for (const [path, sha256] of files) {
    const found = await read(join(folder, path), path);
    if (found.sha256 !== sha256) throw createDamagedError(folder, `${path} has been changed`);
  }
}

function createDamagedError(folder: string, reason: string) {
  return createError('PS_BACKUP_DAMAGED', { folder, reason });
}

/** All files below a folder, without what describes a backup. */
export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => path !== MANIFEST_FILE && path !== CHECKSUMS_FILE)
    .sort();
}

function parseManifest(text: string): Manifest | undefined {
  try {
    return JSON.parse(text) as Manifest;
  } catch {
    return undefined;
  }
}
