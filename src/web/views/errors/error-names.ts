import type { ApiResponse } from '../../../client/api-types.ts';
import { linkTo } from '../../url/view-state.ts';

export type ErrorGroup = ApiResponse<'errors'>['errors'][number];
type Place = Pick<ErrorGroup, 'kind' | 'service' | 'endpoint' | 'example'>;

/** Kinds of errors with their labels, in the order of the filter. */
export const ERROR_KINDS = [
  ['request', 'Requests'],
  ['job', 'Jobs'],
  ['database', 'Connections to databases'],
  ['uncaught', 'Uncaught exceptions'],
  ['rejection', 'Unhandled rejections'],
  ['alert', 'Alerts'],
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number][0];

export function isErrorKind(text: string | undefined): text is ErrorKind {
  return ERROR_KINDS.some(([kind]) => kind === text);
}

export function kindLabel(kind: string | undefined): string {
  return ERROR_KINDS.find(([name]) => name === kind)?.[1] ?? kind ?? '–';
}

/** For example `TypeError: fetch failed`. */
export function errorTitle({ type, message, fingerprint }: ErrorGroup): string {
  if (type && message && !message.startsWith(type)) return `${type}: ${message}`;
  return message ?? type ?? fingerprint;
}

/** Reads a text from the context. Applications set the context, so its values can have any type. */
function readContext(context: unknown, name: string): string | undefined {
  const value = (context as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** Names where an error happened, for example `POST /bookings`. */
export function placeName({ kind, endpoint, example }: Place): string | undefined {
  if (kind === 'alert') return endpoint ?? 'alert';
  if (kind !== 'request') return endpoint;
  return [readContext(example.context, 'method'), endpoint ?? '(no route)']
    .filter(Boolean)
    .join(' ');
}

/** Returns the link to the place of an error. Errors outside of requests and jobs have none. */
export function placeLink({ kind, service, endpoint, example }: Place): string | undefined {
  const { alertId, context } = example;
  if (kind === 'alert') return alertId && linkTo(`/alerts/${encodeURIComponent(alertId)}`);
  if (kind === 'database') {
    return linkTo('/statement', { service, operation: 'CONNECT', statement: 'CONNECT' });
  }
  if (kind === 'job') return endpoint && linkTo('/queue', { queue: endpoint });
  if (kind !== 'request') return undefined;
  const operation = readContext(context, 'method');
  return linkTo('/endpoint', { service, operation, endpoint: endpoint ?? '(no route)' });
}
