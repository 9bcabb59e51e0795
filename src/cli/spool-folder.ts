import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StartupConfig } from '../core/config/startup-config.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { printStatus } from './command-output.ts';

/** Entries of a new volume. */
const IGNORED_PATTERN = /^(\..*|lost\+found)$/;

/** A file or a folder that is skipped, and why. */
interface SkippedPath {
  readonly path: string;
  readonly reason: string;
}

/** The spool folder that a command uses. */
export interface SpoolFolderChoice {
  /** Absolute path. */
  readonly spoolDir: string;
  /** Whether the folder exists. */
  readonly exists: boolean;
}

/**
 * Returns the spool folder of `--spool-dir`, or else the default folder. The default folder can be missing, because
 * processes create it when they write rows.
 *
 * @throws PS_SPOOL_FOLDER_INVALID
 */
export async function findSpoolFolder(
  config: StartupConfig,
  explicitDir: string | undefined,
): Promise<SpoolFolderChoice> {
  const { getSpoolDir } = await import('../storage/write/create-writer.ts');
  const spoolDir =
    explicitDir === undefined ? getSpoolDir(config, undefined) : resolve(explicitDir);
  const names = readNames(spoolDir, explicitDir !== undefined);
  if (names && explicitDir !== undefined) await assertSpoolFolder(spoolDir, names);
  return { spoolDir, exists: names !== undefined };
}

/** Returns undefined if the folder doesn't exist. @throws PS_SPOOL_FOLDER_INVALID */
function readNames(dir: string, mustExist: boolean): readonly string[] | undefined {
  try {
    return readdirSync(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !mustExist) return undefined;
    const reasons: Record<string, string> = {
      ENOENT: 'it does not exist',
      ENOTDIR: 'it is not a folder',
    };
    throw createError('PS_SPOOL_FOLDER_INVALID', {
      dir,
      reason: reasons[code ?? ''] ?? errorMessage(error),
    });
  }
}

/** @throws PS_SPOOL_FOLDER_INVALID if the folder contains files, but no files of a spool */
async function assertSpoolFolder(dir: string, names: readonly string[]): Promise<void> {
  const { isSpoolEntry } = await import('../storage/spool/spool-list.ts');
  const others = names.filter((name) => !IGNORED_PATTERN.test(name));
  if (others.length === 0 || others.some(isSpoolEntry)) return;
  const reason = others.includes('spool')
    ? `the spool is in ${join(dir, 'spool')}`
    : `it contains other files, such as ${others[0]}`;
  throw createError('PS_SPOOL_FOLDER_INVALID', { dir, reason });
}

/** Reports each skipped file or folder once. */
export class SkippedPaths {
  readonly #paths = new Map<string, SkippedPath>();

  /** Prints a warning, and sets the exit code to 1. */
  readonly add = (path: string, error: unknown): void => {
    if (this.#paths.has(path)) return;
    const skipped = { path, reason: errorMessage(error) };
    this.#paths.set(path, skipped);
    printStatus(createError('PS_SPOOL_UNTRUSTED', skipped).message);
    process.exitCode = 1;
  };

  /** All skipped paths, for `--json`. */
  get all(): readonly SkippedPath[] {
    return [...this.#paths.values()];
  }
}
