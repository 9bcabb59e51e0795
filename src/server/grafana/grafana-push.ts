import { isDeepStrictEqual } from 'node:util';
import type { GrafanaClient } from './grafana-client.ts';
import type { Dashboard, DataSource, Provider } from './grafana-provisioning.ts';

/** Result for one item. `kept` means that a Grafana provisioning file controls it, so it wasn't changed. */
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
 * Creates or updates all data sources, the folder, and all dashboards in Grafana. This function is
 * safe to call again, for example after an error.
 *
 * @throws PS_GRAFANA_UNREACHABLE, PS_GRAFANA_REFUSED
 */
export async function pushToGrafana(
  client: GrafanaClient,
  { dataSources, folder, dashboards }: PushContent,
): Promise<PushedItem[]> {
  await client.checkVersion();
  const pushed: PushedItem[] = [];
  for (const source of dataSources) {
    const { uid, name } = source;
    pushed.push({ kind: 'data source', uid, name, done: await pushDataSource(client, source) });
  }
  const { folderUid, folder: title } = folder;
  const done = await pushFolder(client, folderUid, title);
  pushed.push({ kind: 'folder', uid: folderUid, name: title, done });
  for (const { content } of dashboards) {
    const { uid, title: name } = content;
    pushed.push({
      kind: 'dashboard',
      uid,
      name,
      done: await pushDashboard(client, content, folderUid),
    });
  }
  return pushed;
}

async function pushDataSource(
  client: GrafanaClient,
  { editable: _, ...source }: DataSource,
): Promise<PushOutcome> {
  const action = `accept the data source ${source.name}`;
  const path = `/api/datasources/uid/${source.uid}`;
  const existing = await client.get(path, action);
  if (existing?.readOnly === true) return 'kept';
  if (!existing) {
    await client.send('POST', '/api/datasources', action, source);
    return 'made';
  }
  // Grafana doesn't return the password. It is always sent, because it can be different.
  await client.send('PUT', path, action, source);
  const { secureJsonData, ...visible } = source;
  const { secureJsonFields = {} } = existing as { secureJsonFields?: Record<string, unknown> };
  const hasSecrets = Object.keys({ ...(secureJsonData as object) }).every(
    (name) => secureJsonFields[name] === true,
  );
  return hasSecrets && contains(existing, visible) ? 'unchanged' : 'changed';
}

/** Returns whether `actual` has all fields of `expected`. Grafana adds fields with default values. */
function contains(actual: unknown, expected: unknown): boolean {
  if (!isRecord(expected) || !isRecord(actual)) return isDeepStrictEqual(actual, expected);
  return Object.entries(expected).every(([name, value]) => contains(actual[name], value));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function pushFolder(client: GrafanaClient, uid: string, title: string): Promise<PushOutcome> {
  const action = `accept the folder ${title}`;
  if (await client.get(`/api/folders/${uid}`, action)) return 'unchanged';
  await client.send('POST', '/api/folders', action, { uid, title });
  return 'made';
}

async function pushDashboard(
  client: GrafanaClient,
  content: Dashboard['content'],
  folderUid: string,
): Promise<PushOutcome> {
  const action = `accept the dashboard ${content.title}`;
  const existing = await client.get(`/api/dashboards/uid/${content.uid}`, action);
  const meta = (existing?.meta ?? {}) as { provisioned?: unknown; folderUid?: unknown };
  if (meta.provisioned === true) return 'kept';
  // Each save adds a version to the dashboard history, so skip unchanged dashboards.
  const isInFolder = existing !== undefined && meta.folderUid === folderUid;
  if (
    isInFolder &&
    isDeepStrictEqual(toComparableDashboard(existing.dashboard), toComparableDashboard(content))
  ) {
    return 'unchanged';
  }
  const dashboard = { ...content, id: null };
  const message = 'perfscope grafana --push';
  await client.send('POST', '/api/dashboards/db', action, {
    dashboard,
    folderUid,
    message,
    overwrite: true,
  });
  return existing ? 'changed' : 'made';
}

/** Removes the fields that Grafana sets. */
function toComparableDashboard(dashboard: unknown): unknown {
  const {
    id: _id,
    version: _version,
    ...rest
  } = { ...(dashboard as object) } as Record<string, unknown>;
  return rest;
}
