import type { Settings } from './settings.ts';
import { basicAuthorization, type QuestdbTargets } from './target.ts';

/** The QuestDB that `PERFORMANCE_QUESTDB_URL` names, or undefined when it is not set. */
export function externalQuestdb(settings: Settings): QuestdbTargets | undefined {
  const address = settings.PERFORMANCE_QUESTDB_URL;
  if (address === undefined) return undefined;
  const url = new URL(address);
  const user = settings.PERFORMANCE_QUESTDB_USER ?? (decodeURIComponent(url.username) || undefined);
  const password = settings.PERFORMANCE_QUESTDB_PASSWORD ?? decodeURIComponent(url.password);
  const token = settings.PERFORMANCE_QUESTDB_TOKEN;
  const basic = user === undefined ? undefined : basicAuthorization(user, password);
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
