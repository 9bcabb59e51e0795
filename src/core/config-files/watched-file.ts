import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Logger } from '../log.ts';
import { createError, type ErrorCode, errorMessage, PerfscopeError } from '../perfscope-error.ts';
import { collectDeprecatedNames } from '../vocabulary.ts';
import {
  type ConfigFileErrorCode,
  type ConfigProblem,
  createConfigFileError,
} from './config-validation.ts';

/** Added to the problems of a file that was rejected. */
const IN_EFFECT =
  'The last valid version stays in effect. If no version was loaded, the defaults apply.';

/** The result of the last attempt to load a file. */
export interface WatchedFileStatus {
  readonly file: string | undefined;
  /** When the current value was loaded, in ms since the epoch. */
  readonly loadedMs: number;
  /**
   * Problems in the file, or why it can't be read. If there are any, the previous value stays in
   * effect.
   */
  readonly problems: readonly ConfigProblem[];
}

/** The text of a file, and the file name to use in problems. */
export interface NamedFileText {
  readonly name: string;
  readonly text: string;
}

export interface WatchedFileOptions<T> {
  /** If undefined, there is no file, and the value never changes. */
  readonly path: string | undefined;
  /** The value until the file is loaded for the first time. */
  readonly initial: T;
  /** @throws PerfscopeError with `code` that lists each problem */
  readonly load: (file: NamedFileText) => T;
  readonly code: ConfigFileErrorCode;
  /** Returns the log message after a successful load. */
  readonly formatLoadedMessage: (value: T, path: string) => string;
  readonly log: Logger;
}

/**
 * The content of a file that is reloaded when it changes. If the file is invalid or can't be read,
 * the previous value stays in effect.
 */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  #value: T;
  #status: WatchedFileStatus;
  /** Undefined if the file couldn't be read. */
  #fileVersion: string | undefined;
  /** Why the file can't be read. Undefined if it could be read. */
  #unreadableReason: string | undefined;

  constructor(options: WatchedFileOptions<T>, now: number) {
    this.#options = options;
    this.#value = options.initial;
    this.#status = { file: options.path, loadedMs: now, problems: [] };
    this.refresh(now);
  }

  get value(): T {
    return this.#value;
  }

  get status(): WatchedFileStatus {
    return this.#status;
  }

  /**
   * Reloads the file if it has changed, or couldn't be read before. Never throws.
   *
   * @returns whether the value changed
   */
  refresh(now: number): boolean {
    const { path, load, code, formatLoadedMessage, log } = this.#options;
    if (path === undefined) return false;
    const text = this.#readIfChanged(path);
    if (text === undefined) return false;
    try {
      const file = { name: basename(path), text };
      const { value, notices } = collectDeprecatedNames(() => load(file));
      this.#value = value;
      for (const notice of notices) log.warn(`${path}: ${notice}`);
      this.#status = { file: path, loadedMs: now, problems: [] };
      log.info(formatLoadedMessage(this.#value, path));
      return true;
    } catch (error) {
      this.#status = { ...this.#status, problems: toConfigProblems(error, path, code) };
      log.error(`${code}: ${errorMessage(error)}\n${IN_EFFECT}`);
      return false;
    }
  }

  /**
   * Returns the text if the file changed. If it can't be read, reports the reason once and returns
   * undefined.
   */
  #readIfChanged(path: string): string | undefined {
    try {
      const fileVersion = getFileVersion(path);
      if (fileVersion === this.#fileVersion) return undefined;
      const text = readFileSync(path, 'utf8');
      this.#fileVersion = fileVersion;
      this.#unreadableReason = undefined;
      return text;
    } catch (error) {
      this.#onUnreadable(path, errorMessage(error));
      return undefined;
    }
  }

  #onUnreadable(file: string, reason: string): void {
    this.#fileVersion = undefined;
    if (reason === this.#unreadableReason) return;
    this.#unreadableReason = reason;
    const message = `can't be read: ${reason}`;
    this.#status = { ...this.#status, problems: [{ file, line: 1, column: 1, message }] };
    const { code, message: text } = createError('PS_FILE_UNREADABLE', { file, reason });
    this.#options.log.error(`${code}: ${text}`);
  }
}

/**
 * Reads a configuration file.
 *
 * @throws PerfscopeError with `code` if the file can't be read
 */
export function readNamedFile(path: string, code: ConfigFileErrorCode): NamedFileText {
  try {
    return { name: basename(path), text: readFileSync(path, 'utf8') };
  } catch (error) {
    const message = `can't be read: ${errorMessage(error)}`;
    throw createConfigFileError(code, [{ file: path, line: 1, column: 1, message }]);
  }
}

function toConfigProblems(error: unknown, file: string, code: ErrorCode): readonly ConfigProblem[] {
  const isConfigFileError = error instanceof PerfscopeError && error.code === code;
  if (isConfigFileError) return error.params.problems as readonly ConfigProblem[];
  return [{ file, line: 1, column: 1, message: errorMessage(error) }];
}

/**
 * Returns a string that changes when the file changes, even if an editor or a symbolic link replaces
 * the file.
 *
 * @throws an Error if there is no file, or if reading it could block
 */
function getFileVersion(path: string): string {
  const stat = statSync(path);
  if (stat.isFIFO() || stat.isSocket()) throw new Error('it is a pipe or a socket, not a file');
  return `${stat.dev} ${stat.ino} ${stat.mtimeMs} ${stat.size}`;
}
