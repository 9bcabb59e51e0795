import type { Settings } from './settings.ts';

/** Where rows are written to: QuestDB over HTTP. */
export interface WriteTarget {
  /** Base address without a path. */
  readonly url: string;
  /** Value of the `Authorization` header, where one is needed. */
  readonly authorization?: string | undefined;
}

/** Where rows are read from: QuestDB over the Postgres wire. */
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
}

export function formatBasicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** The QuestDB that `PERFORMANCE_QUESTDB_URL` names, or undefined when it is not set. */
export function getExternalQuestdbTargets(settings: Settings): QuestdbTargets | undefined {
  const address = settings.PERFORMANCE_QUESTDB_URL;
  if (address === undefined) return undefined;
  const url = new URL(address);
  const user = settings.PERFORMANCE_QUESTDB_USER ?? (decodeURIComponent(url.username) || undefined);
  const password = settings.PERFORMANCE_QUESTDB_PASSWORD ?? decodeURIComponent(url.password);
  const token = settings.PERFORMANCE_QUESTDB_TOKEN;
  const basic = user === undefined ? undefined : formatBasicAuthorization(user, password);
  const pg = new URL(
    settings.PERFORMANCE_QUESTDB_PG_URL ?? `postgresql://${url.hostname}:8812/qdb`,
  );
  return {
    write: { url: url.origin, authorization: token ? `Bearer ${token}` : basic },
    read: {
      host: pg.hostname,
      port: Number(pg.port || 8812),
      // QuestDB's own defaults, which an open server of a developer still has.
      user: decodeURIComponent(pg.username) || user || 'admin',
      password: decodeURIComponent(pg.password) || password || 'quest',
      database: pg.pathname.slice(1) || 'qdb',
    },
  };
}
