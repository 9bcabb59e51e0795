import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { coded, reasonOf } from '../../errors.ts';
import { type AddressPolicy, refusalOfUrl } from '../http/policy.ts';

const MOST_BYTES = 65_536;
/** Read, write or enter for anybody but the owner. */
const OTHERS = 0o077;

/** The one line of an owner-only file. @throws PS_CHANNEL_SECRET, which never shows what is in it */
export function readSecret(file: string): string {
  const text = readOwnerOnly(file).trim();
  if (text === '') throw coded('PS_CHANNEL_SECRET', { file, reason: 'it is empty' });
  if (/\p{Cc}/u.test(text)) {
    throw coded('PS_CHANNEL_SECRET', { file, reason: 'it must hold one line of text' });
  }
  return text;
}

/** A URL that is a secret itself. @throws PS_CHANNEL_SECRET */
export function readSecretUrl(file: string, policy: AddressPolicy): URL {
  const text = readSecret(file);
  if (!URL.canParse(text)) throw coded('PS_CHANNEL_SECRET', { file, reason: 'it holds no URL' });
  const url = new URL(text);
  const refusal = refusalOfUrl(url, policy);
  if (refusal) throw coded('PS_CHANNEL_SECRET', { file, reason: refusal });
  return url;
}

/** Certificates are no secret, and of several lines. @throws PS_CHANNEL_SECRET */
export function readCertificates(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw coded('PS_CHANNEL_SECRET', { file, reason: `it can't be read (${codeOf(error)})` });
  }
}

function readOwnerOnly(file: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    // Of the opened file: a name may lead somewhere else a moment later.
    const { mode, size, uid } = fstatSync(fd);
    if (process.platform !== 'win32') {
      if ((mode & OTHERS) !== 0) throw new Error('others may read it: chmod 600');
      if (uid !== 0 && uid !== process.getuid?.()) throw new Error('it belongs to another user');
    }
    if (size > MOST_BYTES) throw new Error('it is too large for a secret');
    return readFileSync(fd, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    const reason = code === undefined ? reasonOf(error) : `it can't be read (${code})`;
    throw coded('PS_CHANNEL_SECRET', { file, reason });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
