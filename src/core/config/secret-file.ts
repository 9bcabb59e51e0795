import { readFileSync } from 'node:fs';
import { errorMessage } from '../perfscope-error.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EACCES: "the current user can't read the file",
  EPERM: "the current user can't read the file",
  EISDIR: 'it is a folder, not a file',
};

/**
 * Reads a secret from a file. White space at the start and end is ignored.
 *
 * @throws Error with a reason, which never contains the secret, if the file is missing, unreadable, or
 * empty
 */
export function readSecretFile(path: string): string {
  let secret: string;
  try {
    secret = readFileSync(path, 'utf8').trim();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new Error(`${REASONS[code] ?? errorMessage(error)} (${path})`, { cause: error });
  }
  if (secret === '') throw new Error(`the file is empty (${path})`);
  return secret;
}

/** Returns whether a text can be sent as a token in an HTTP header: visible ASCII characters only. */
export function isHeaderToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
