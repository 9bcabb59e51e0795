import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { createError, errorMessage } from '../../../core/perfscope-error.ts';
import { type AddressPolicy, getUrlError } from '../outgoing-http/address-policy.ts';

const MAX_SECRET_BYTES = 65_536;
/** Any permission for users other than the owner. */
const GROUP_AND_OTHERS_MODE = 0o077;

/**
 * Reads a one-line secret from a file that only its owner can access.
 *
 * @throws PS_CHANNEL_SECRET if the file can't be used; the error never contains its content
 */
export function readSecret(file: string): string {
  const text = readOwnerOnly(file).trim();
  if (text === '') throw createError('PS_CHANNEL_SECRET', { file, reason: 'it is empty' });
  if (/\p{Cc}/u.test(text)) {
    throw createError('PS_CHANNEL_SECRET', { file, reason: 'it must contain one line of text' });
  }
  return text;
}

/** Reads a URL that is itself a secret. @throws PS_CHANNEL_SECRET */
export function readSecretUrl(file: string, policy: AddressPolicy): URL {
  const text = readSecret(file);
  if (!URL.canParse(text)) {
    throw createError('PS_CHANNEL_SECRET', { file, reason: 'it does not contain a URL' });
  }
  const url = new URL(text);
  const reason = getUrlError(url, policy);
  if (reason) throw createError('PS_CHANNEL_SECRET', { file, reason });
  return url;
}

/** Reads PEM certificates. They are not secret, so any file mode is fine. @throws PS_CHANNEL_SECRET */
export function readCertificates(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw createError('PS_CHANNEL_SECRET', {
      file,
      reason: `it can't be read (${getErrorCode(error)})`,
    });
  }
}

function readOwnerOnly(file: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    // Check the open file, because the path can be replaced between a check and the read.
    const { mode, size, uid } = fstatSync(fd);
    if (process.platform !== 'win32') {
      if ((mode & GROUP_AND_OTHERS_MODE) !== 0) {
        throw new Error('other users can access it; run chmod 600');
      }
      if (uid !== 0 && uid !== process.getuid?.()) throw new Error('it belongs to another user');
    }
    if (size > MAX_SECRET_BYTES) throw new Error('it is too large for a secret');
    return readFileSync(fd, 'utf8');
  } catch (error) {
    const code = getErrorCode(error);
    const reason = code === undefined ? errorMessage(error) : `it can't be read (${code})`;
    throw createError('PS_CHANNEL_SECRET', { file, reason });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function getErrorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
