import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type ErrorCode, errorMessage, PerfscopeError } from '../errors.ts';
import type { Logger } from '../log.ts';
import {
  type ConfigFileErrorCode,
  type ConfigProblem,
  createConfigFileError,
} from './config-validation.ts';

/** How a file was read last. */
export interface WatchedFileStatus {
  readonly file: string | undefined;
  /** When what counts now was read, in ms since the epoch. */
  readonly loadedMs: number;
  /** What is wrong with the file now; what counted before counts on. */
  readonly problems: readonly ConfigProblem[];
}

/** A file's text with the name that its problems have. */
export interface NamedFileText {
  readonly name: string;
  readonly text: string;
}

export interface WatchedFileOptions<T> {
  /** Undefined: there is no file, and nothing changes. */
  readonly path: string | undefined;
  /** What counts until the file is read for the first time. */
  readonly initial: T;
  /** @throws an error of `code` that names each problem */
  readonly load: (file: NamedFileText) => T;
  readonly code: ConfigFileErrorCode;
  /** What the log says once it is read. */
  readonly formatLoadedMessage: (value: T, path: string) => string;
  readonly log: Logger;
}

/** What a file says, read again whenever it changes; the last good reading counts. */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  #value: T;
  #status: WatchedFileStatus;
  #fileVersion: string | undefined;

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

  /** Looks whether the file has changed. @returns whether another reading counts now */
  refresh(now: number): boolean {
    const { path, load, code, formatLoadedMessage: said, log } = this.#options;
    if (path === undefined) return false;
    const mark = getFileVersion(path);
    if (mark === this.#fileVersion) return false;
    this.#fileVersion = mark;
    try {
      this.#value = load(readNamedFile(path, code));
      this.#status = { file: path, loadedMs: now, problems: [] };
      log.info(said(this.#value, path));
      return true;
    } catch (error) {
      this.#status = { ...this.#status, problems: toConfigProblems(error, path, code) };
      log.error(`${code}: ${errorMessage(error)}`);
      return false;
    }
  }
}

/** @throws an error of `code` where the file cannot be read */
export function readNamedFile(path: string, code: ConfigFileErrorCode): NamedFileText {
  try {
    return { name: basename(path), text: readFileSync(path, 'utf8') };
  } catch (error) {
    const message = `cannot be read: ${errorMessage(error)}`;
    throw createConfigFileError(code, [{ file: path, line: 1, column: 1, message }]);
  }
}

function toConfigProblems(error: unknown, file: string, code: ErrorCode): readonly ConfigProblem[] {
  const known = error instanceof PerfscopeError && error.code === code;
  if (known) return error.params.problems as readonly ConfigProblem[];
  return [{ file, line: 1, column: 1, message: errorMessage(error) }];
}

/** What is another when the file is another; editors replace files as well as write into them. */
function getFileVersion(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${stat.ino} ${stat.mtimeMs} ${stat.size}` : 'missing';
}
