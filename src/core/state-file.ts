import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { createError, errorMessage } from './perfscope-error.ts';
import { createPrivateFile, type PrivateFileOptions, writePrivateFile } from './private-file.ts';

/**
 * Reads a file in which Perfscope keeps its state.
 *
 * @returns undefined if the file does not exist
 * @throws PS_STATE_FILE_UNUSABLE if the file can't be read
 */
export function readStateFile(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw createUnusableError(file, 'read', error);
  }
}

/** Same as `writePrivateFile`. @throws PS_STATE_FILE_UNUSABLE */
export function writeStateFile(
  file: string,
  content: string | Buffer,
  options?: PrivateFileOptions,
): void {
  try {
    writePrivateFile(file, content, options);
  } catch (error) {
    throw createUnusableError(file, 'written', error);
  }
}

/** Same as `createPrivateFile`. @throws PS_STATE_FILE_UNUSABLE */
export function createStateFile(
  file: string,
  content: string | Buffer,
  options?: PrivateFileOptions,
): boolean {
  try {
    return createPrivateFile(file, content, options);
  } catch (error) {
    throw createUnusableError(file, 'written', error);
  }
}

/** Creates a folder that only its owner can use. @throws PS_STATE_FILE_UNUSABLE */
export function createStateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw createUnusableError(folder, 'written', error);
  }
}

/** Removes the permissions of other users from a file. @throws PS_STATE_FILE_UNUSABLE */
export function restrictStateFile(file: string): void {
  try {
    chmodSync(file, 0o600);
  } catch (error) {
    throw createUnusableError(file, 'written', error);
  }
}

function createUnusableError(file: string, action: 'read' | 'written', error: unknown) {
  const reason = errorMessage(error);
  return createError('PS_STATE_FILE_UNUSABLE', { file, action, reason }, error);
}

/**
 * Parses the JSON of a state file.
 *
 * @throws Error with the reason why the content is damaged, as part of a sentence
 */
export function parseStateJson(content: Buffer): unknown {
  if (content.length === 0) throw new Error('it is empty');
  try {
    return JSON.parse(content.toString());
  } catch {
    throw new Error('it is not complete JSON');
  }
}
