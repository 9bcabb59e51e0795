import type { Settings } from './parse-settings.ts';
import { decodePercentEncoding } from './variable-parsers.ts';

/** The QuestDB HTTP endpoint to which rows are written. */
export interface WriteTarget {
  /** Base URL without a path. */
  readonly url: string;
  /** Value of the `Authorization` header, if QuestDB requires authentication. */
  readonly authorization?: string | undefined;
}

/** A known QuestDB that must not receive rows now, for example because its disk is almost full. */
export interface PausedTarget {
  /** Why writes are paused. Part of a sentence, for example `little disk space is left`. */
  readonly paused: string;
}

/** Returns whether writes to a target are paused. */
export function isPaused(target: WriteTarget | PausedTarget): target is PausedTarget {
  return 'paused' in target;
}

/** The QuestDB PostgreSQL endpoint from which rows are read. */
export interface ReadTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface QuestdbTargets {
  readonly write: WriteTarget;
  readonly read: ReadTarget;
  /** Why rows must not be written now. Undefined if writes are allowed. */
  readonly writesPaused?: string | undefined;
}

/** Returns the endpoint for rows, or the reason why writes are paused. */
export function getRowTarget({ write, writesPaused }: QuestdbTargets): WriteTarget | PausedTarget {
  return writesPaused === undefined ? write : { paused: writesPaused };
}

export function formatBasicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** Returns the QuestDB at `PERFORMANCE_QUESTDB_URL`, or undefined if it is not set. */
export function getExternalQuestdbTargets(settings: Settings): QuestdbTargets | undefined {
  if (settings.PERFORMANCE_QUESTDB_URL === undefined) return undefined;
  const url = new URL(settings.PERFORMANCE_QUESTDB_URL);
  const user =
    settings.PERFORMANCE_QUESTDB_USER ?? (decodePercentEncoding(url.username) || undefined);
  const password = settings.PERFORMANCE_QUESTDB_PASSWORD ?? decodePercentEncoding(url.password);
  const token = settings.PERFORMANCE_QUESTDB_TOKEN;
  const basicAuthorization =
    user === undefined ? undefined : formatBasicAuthorization(user, password);
  const pg = new URL(
    settings.PERFORMANCE_QUESTDB_PG_URL ?? `postgresql://${url.hostname}:8812/qdb`,
  );
  return {
    write: { url: url.origin, authorization: token ? `Bearer ${token}` : basicAuthorization },
    read: {
      host: pg.hostname,
      port: Number(pg.port || 8812),
      // The QuestDB default credentials, for local servers without authentication.
      user: decodePercentEncoding(pg.username) || user || 'admin',
      password: decodePercentEncoding(pg.password) || password || 'quest',
      database: pg.pathname.slice(1) || 'qdb',
    },
  };
}
