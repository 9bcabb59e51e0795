import { copyText } from '../../../../core/copy-text.ts';
import type { DatabaseCommand } from '../database-recorder.ts';

/** Value of `db.system.name`. */
const ELASTICSEARCH = 'elasticsearch';

/** The parameters of a request that the library passes to its transport. */
export interface ElasticsearchRequest {
  readonly method?: unknown;
  readonly path?: unknown;
  readonly meta?: {
    /** Name of the endpoint, such as `indices.create`. */
    readonly name?: unknown;
    readonly pathParts?: { readonly index?: unknown };
  };
}

const MAX_COMMANDS = 1000;
const MAX_INDEX_LENGTH = 128;
/** A request with more indexes names only the first ones. */
const MAX_INDEXES = 3;
const ENDPOINT = /^[a-z][\w.]{0,60}$/;

/** Commands by endpoint and index. The oldest one comes first. */
const commands = new Map<string, DatabaseCommand>();

/** Returns the endpoint and the index of a request. IDs of documents and queries aren't read. */
export function getElasticsearchCommand(request: ElasticsearchRequest): DatabaseCommand {
  const { meta, path, method } = request;
  const index = meta?.pathParts?.index;
  const isNamed = typeof meta?.name === 'string';
  if (!isNamed || (index !== undefined && index !== null && typeof index !== 'string'))
    return createCommand(request);
  const key = `${String(meta?.name)}\n${typeof index === 'string' ? index : ''}`;
  const known = commands.get(key);
  if (known) return known;
  const command = createCommand({ meta, path, method } as ElasticsearchRequest);
  if (key.length > 2 * MAX_INDEX_LENGTH) return command;
  if (commands.size >= MAX_COMMANDS) commands.delete(commands.keys().next().value!);
  commands.set(copyText(key), command);
  return command;
}

function createCommand({ meta, path, method }: ElasticsearchRequest): DatabaseCommand {
  const segments = typeof path === 'string' ? splitPath(path) : [];
  const { name, pathParts } = meta ?? {};
  const endpoint =
    typeof name === 'string' && ENDPOINT.test(name) ? name : findEndpoint(String(method), segments);
  const [first] = segments;
  const index = pathParts?.index ?? (first?.startsWith('_') ? undefined : first);
  const table = normalizeIndex(index);
  return {
    system: ELASTICSEARCH,
    text: copyText(table === undefined ? endpoint : `${endpoint} ${table}`),
    operation: copyText(endpoint),
    table: table && copyText(table),
  };
}

/** The path can have a query. Invalid escape sequences stay. */
function splitPath(path: string): string[] {
  const [pathname = ''] = path.split('?', 1);
  return pathname
    .split('/')
    .filter((each) => each !== '')
    .map((each) => {
      try {
        return decodeURIComponent(each);
      } catch {
        return each;
      }
    });
}

const DOCUMENT_ENDPOINTS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'exists',
  DELETE: 'delete',
};
const INDEX_ENDPOINTS: Readonly<Record<string, string>> = {
  GET: 'indices.get',
  HEAD: 'indices.exists',
  DELETE: 'indices.delete',
  PUT: 'indices.create',
};
/** Groups of endpoints whose second segment is a part of the name. */
const GROUPS = new Set(['cat', 'cluster', 'nodes', 'ingest', 'snapshot', 'tasks', 'security']);

/** Finds the name of an endpoint by its path, such as `/logs/_search`. */
function findEndpoint(method: string, segments: readonly string[]): string {
  const position = segments.findIndex((each) => each.startsWith('_'));
  if (position < 0) {
    if (segments.length > 0) return INDEX_ENDPOINTS[method] ?? '_OTHER';
    return method === 'HEAD' ? 'ping' : 'info';
  }
  const action = segments[position]!.slice(1);
  if (action === 'doc' || action === 'create')
    return DOCUMENT_ENDPOINTS[method] ?? (action === 'doc' ? 'index' : 'create');
  const next = segments[position + 1];
  const isGroup = GROUPS.has(action) && next !== undefined && /^[a-z_]{1,30}$/.test(next);
  const name = isGroup ? `${action}.${next.replace(/^_/, '')}` : action;
  return ENDPOINT.test(name) ? name : '_OTHER';
}

/** Dates such as `2026.11.30`, `2026-11`, `20261130`, `2026.11.*`, and date math. */
const DATE =
  /\d{4}([._-])(?:\d{2}|\*)(?:\1(?:\d{2}|\*)){0,2}(?!\d)|(?<!\d)(?:19|20)\d{6}(?!\d)|(?<!\d)(?:19|20)\d{4}(?!\d)|\{now[^}]{0,60}(?:\}\})?\}?/g;
const UUID = /[\da-f]{8}-?(?:[\da-f]{4}-?){3}[\da-f]{12}/gi;
const LONG_NUMBER = /\d{4,}/g;

/**
 * Returns the names of indexes without dates, IDs, and numbers, so that an index for each day has one name:
 * `logs-2026.11.30` is `logs-[date]`.
 *
 * @param index a name, a list of names, or names with commas between them. All other types have no name.
 */
export function normalizeIndex(index: unknown): string | undefined {
  const names = Array.isArray(index) ? index : [index];
  const normalized = new Set<string>();
  for (const each of names.slice(0, 100)) {
    if (typeof each !== 'string') continue;
    for (const name of each.slice(0, 2000).split(',')) {
      const trimmed = name.trim().replaceAll(/^<|>$/g, '');
      if (trimmed !== '')
        normalized.add(
          trimmed
            .slice(0, MAX_INDEX_LENGTH)
            .replaceAll(UUID, '[id]')
            .replaceAll(DATE, '[date]')
            .replaceAll(LONG_NUMBER, '[number]'),
        );
    }
  }
  if (normalized.size === 0) return undefined;
  const first = [...normalized].slice(0, MAX_INDEXES);
  return normalized.size > MAX_INDEXES ? `${first.join(',')},…` : first.join(',');
}
