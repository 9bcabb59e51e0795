import { existsSync } from 'node:fs';
import { copyFile as copyWhole, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { QUESTDB_VERSION } from '../../scripts/java.mjs';
import type { WriteTarget } from '../config/target.ts';
import { coded, PerfscopeError, reasonOf } from '../errors.ts';
import { withCheckpoint } from '../questdb/checkpoint.ts';
import { CREDENTIALS_FILE } from '../questdb/credentials.ts';
import { exec } from '../questdb/exec.ts';
import { type Content, contentOf, copyFile } from './copy-file.ts';
import { checkFiles, type Manifest, pathsIn, readList, writeManifest } from './manifest.ts';

export interface BackupOptions {
  readonly target: WriteTarget;
  readonly dataDir: string;
  /** Where rows wait for QuestDB. */
  readonly spoolDir: string;
  /** Ends it; nothing of the backup is left then. */
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Parts of QuestDB's root folder that make up its data. */
const PARTS = ['db', '.checkpoint'];

/**
 * Copies all that was stored or waiting before the call into `folder`, which appears when it is
 * whole and has been read again.
 *
 * @throws PS_FOLDER_NOT_EMPTY, PS_BACKUP_FAILED
 */
export async function backUp(folder: string, options: BackupOptions): Promise<Manifest> {
  if (existsSync(folder)) throw coded('PS_FOLDER_NOT_EMPTY', { folder });
  const draft = `${folder}.${process.pid}.part`;
  try {
    await mkdir(draft, { recursive: true, mode: 0o700 });
    const copied = new Map<string, Content>();
    // Waiting rows first: what leaves the spool meanwhile is in QuestDB before its checkpoint.
    await copyTree(options.spoolDir, join(draft, 'spool'), { ...options, copied, as: 'spool' });
    const tables = await rowsOf(options.target);
    await withCheckpoint(options.target, async () => {
      for (const part of PARTS) {
        const as = `questdb/${part}`;
        await copyTree(join(options.dataDir, as), join(draft, as), { ...options, copied, as });
      }
    });
    await copyWhole(join(options.dataDir, CREDENTIALS_FILE), join(draft, CREDENTIALS_FILE));
    copied.set(CREDENTIALS_FILE, await contentOf(join(draft, CREDENTIALS_FILE)));
    const manifest = await writeManifest(draft, copied, {
      version: ownVersion(),
      questdbVersion: QUESTDB_VERSION,
      tables,
    });
    const { files } = await readList(draft);
    let read = 0;
    await checkFiles(draft, files, (file) => {
      options.signal.throwIfAborted();
      options.onProgress(`Checking file ${++read} of ${files.size}`);
      return contentOf(file);
    });
    await rename(draft, folder);
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (error instanceof PerfscopeError) throw error;
    throw coded('PS_BACKUP_FAILED', { reason: reasonOf(error) }, error);
  }
}

async function copyTree(
  from: string,
  to: string,
  options: Pick<BackupOptions, 'signal' | 'onProgress'> & {
    copied: Map<string, Content>;
    as: string;
  },
): Promise<void> {
  if (!existsSync(from)) return;
  const paths = pathsIn(from).filter((path) => !path.endsWith('.part'));
  for (const [i, path] of paths.entries()) {
    options.signal.throwIfAborted();
    options.onProgress(`Copying ${options.as}: file ${i + 1} of ${paths.length}`);
    await mkdir(dirname(join(to, path)), { recursive: true, mode: 0o700 });
    try {
      options.copied.set(`${options.as}/${path}`, await copyFile(join(from, path), join(to, path)));
    } catch (error) {
      // A batch that has been sent, or a log that has been applied, belongs to what is copied later.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await rm(join(to, path), { force: true });
    }
  }
}

async function rowsOf(target: WriteTarget): Promise<Manifest['tables']> {
  const { dataset } = await exec(
    target,
    'SELECT tableName, rowCount FROM table_storage() ORDER BY tableName',
  );
  return dataset.map(([name, rows]) => ({ name: String(name), rows: Number(rows) }));
}

function ownVersion(): string {
  const own = createRequire(import.meta.url)('../../package.json') as { version: string };
  return own.version;
}
