import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Passwords of one embedded QuestDB, generated when its folder is made. */
export interface Credentials {
  /** HTTP and Postgres wire, may write. */
  readonly writer: { readonly user: string; readonly password: string };
  /** Postgres wire, may read. */
  readonly reader: { readonly user: string; readonly password: string };
}

export const CREDENTIALS_FILE = 'credentials.json';

/** Reads the folder's credentials, or makes them. The file is for its owner only. */
export function credentialsOf(dataDir: string): Credentials {
  const file = join(dataDir, CREDENTIALS_FILE);
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Credentials;
    chmodSync(file, 0o600);
    return stored;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const credentials: Credentials = {
    writer: { user: 'perfscope', password: randomBytes(18).toString('base64url') },
    reader: { user: 'perfscope_reader', password: randomBytes(18).toString('base64url') },
  };
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return credentials;
}
