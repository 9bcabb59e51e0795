import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import {
  parseStateJson,
  readStateFile,
  restrictStateFile,
  writeStateFile,
} from '../../core/state-file.ts';

/** Users and passwords of one embedded QuestDB, generated when the data directory is created. */
export interface Credentials {
  /** Read and write access over HTTP and the PostgreSQL wire protocol. */
  readonly writer: { readonly user: string; readonly password: string };
  /** Read-only access over the PostgreSQL wire protocol. */
  readonly reader: { readonly user: string; readonly password: string };
}

export const CREDENTIALS_FILE = 'credentials.json';

/** Other characters, such as line breaks, could change the meaning of QuestDB's `server.conf`. */
const wordSchema = z.string().regex(/^[!-~]+$/);
const userSchema = z.object({ user: wordSchema, password: wordSchema });
const credentialsSchema = z.object({ writer: userSchema, reader: userSchema });

/**
 * Reads the credentials of a data directory, or generates them. Only the owner can read the
 * credentials file.
 *
 * If the file is damaged, generates new credentials and logs a warning. This is safe, because the
 * server passes the credentials to QuestDB and to the discovery file at each start. The damaged file is
 * renamed to `credentials.json.damaged`.
 *
 * @throws PS_STATE_FILE_UNUSABLE if the file can't be read or written
 */
export function loadOrCreateCredentials(dataDir: string, log: Logger): Credentials {
  const file = join(dataDir, CREDENTIALS_FILE);
  const content = readStateFile(file);
  if (content !== undefined) {
    restrictStateFile(file);
    try {
      return parseCredentials(content);
    } catch (error) {
      setAside(file, errorMessage(error), log);
    }
  }
  const credentials: Credentials = {
    writer: { user: 'perfscope', password: randomBytes(18).toString('base64url') },
    reader: { user: 'perfscope_reader', password: randomBytes(18).toString('base64url') },
  };
  writeStateFile(file, `${JSON.stringify(credentials, null, 2)}\n`, { durable: true });
  return credentials;
}

/** @throws Error with the reason why the content is damaged */
export function parseCredentials(content: Buffer): Credentials {
  const { success, data } = credentialsSchema.safeParse(parseStateJson(content));
  if (!success) throw new Error('a user or a password is missing or has unexpected characters');
  return data;
}

function setAside(file: string, reason: string, log: Logger): void {
  const renamed = `${file}.damaged`;
  try {
    renameSync(file, renamed);
  } catch (error) {
    const params = { file, action: 'written', reason: errorMessage(error) } as const;
    throw createError('PS_STATE_FILE_UNUSABLE', params, error);
  }
  const effect = `The embedded QuestDB has new passwords, and the damaged file is now ${renamed}. If Grafana or other programs use the old passwords, set the new ones, for example with \`perfscope grafana\`.`;
  log.warn(createError('PS_STATE_FILE_DAMAGED', { file, reason, effect }).message);
}
