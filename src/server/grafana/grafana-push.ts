import { isDeepStrictEqual } from 'node:util';
import type { GrafanaClient } from './grafana-client.ts';
import type { Dashboard, DataSource, Provider } from './grafana-provisioning.ts';

/** What was done with a thing: `kept` means that a file of Grafana's own provisions it. */
type PushOutcome = 'made' | 'changed' | 'unchanged' | 'kept';

export interface PushedItem {
  readonly kind: 'data source' | 'folder' | 'dashboard';
  readonly uid: string;
  readonly name: string;
  readonly done: PushOutcome;
}

export interface PushContent {
  readonly dataSources: readonly DataSource[];
  readonly folder: Pick<Provider, 'folder' | 'folderUid'>;
  readonly dashboards: readonly Dashboard[];
}

/**
 * Makes or updates everything in Grafana. It may be run again at any time, and goes on where it was
 * ended.
 *
 * @throws PS_GRAFANA_UNREACHABLE, PS_GRAFANA_REFUSED
 */
export async function pushToGrafana(
  api: GrafanaClient,
  { dataSources, folder, dashboards }: PushContent,
): Promise<PushedItem[]> {
  await api.checkVersion();
  const pushed: PushedItem[] = [];
  for (const source of dataSources) {
    const { uid, name } = source;
    pushed.push({ kind: 'data source', uid, name, done: await pushDataSource(api, source) });
  }
  const { folderUid, folder: title } = folder;
  const done = await pushFolder(api, folderUid, title);
  pushed.push({ kind: 'folder', uid: folderUid, name: title, done });
  for (const { content } of dashboards) {
    const { uid, title: name } = content;
    pushed.push({
      kind: 'dashboard',
      uid,
      name,
      done: await pushDashboard(api, content, folderUid),
    });
  }
  return pushed;
}

async function pushDataSource(
  api: GrafanaClient,
  { editable: _, ...source }: DataSource,
): Promise<PushOutcome> {
  const act = `take the data source ${source.name}`;
  const path = `/api/datasources/uid/${source.uid}`;
  const found = await api.get(path, act);
  if (found?.readOnly === true) return 'kept';
  // Its password can't be read back, so nobody can tell whether it is the same.
  if (found) await api.send('PUT', path, act, source);
  else await api.send('POST', '/api/datasources', act, source);
  return found ? 'changed' : 'made';
}

async function pushFolder(api: GrafanaClient, uid: string, title: string): Promise<PushOutcome> {
  const act = `take the folder ${title}`;
  if (await api.get(`/api/folders/${uid}`, act)) return 'unchanged';
  await api.send('POST', '/api/folders', act, { uid, title });
  return 'made';
}

async function pushDashboard(
  api: GrafanaClient,
  content: Dashboard['content'],
  folderUid: string,
): Promise<PushOutcome> {
  const act = `take the dashboard ${content.title}`;
  const found = await api.get(`/api/dashboards/uid/${content.uid}`, act);
  const meta = (found?.meta ?? {}) as { provisioned?: unknown; folderUid?: unknown };
  if (meta.provisioned === true) return 'kept';
  // Each save is one more version in its history: what is the same is not saved again.
  const isThere = found !== undefined && meta.folderUid === folderUid;
  if (
    isThere &&
    isDeepStrictEqual(toComparableDashboard(found.dashboard), toComparableDashboard(content))
  ) {
    return 'unchanged';
  }
  const dashboard = { ...content, id: null };
  const message = 'perfscope grafana --push';
  await api.send('POST', '/api/dashboards/db', act, {
    dashboard,
    folderUid,
    message,
    overwrite: true,
  });
  return found ? 'changed' : 'made';
}

/** Without what Grafana counts by itself. */
function toComparableDashboard(dashboard: unknown): unknown {
  const {
    id: _id,
    version: _version,
    ...rest
  } = { ...(dashboard as object) } as Record<string, unknown>;
  return rest;
}
