import { formatText } from '../../format/quantities.ts';

/** Kinds of failed calls, and what they mean. Other kinds are HTTP status codes. */
const KINDS: Readonly<Record<string, string>> = {
  refused: 'The host rejected the connection.',
  dns: 'The host name was not resolved.',
  tls: 'The TLS handshake failed, for example because of an expired certificate.',
  timeout: 'The connection, the response, or the body took too long.',
  reset: 'The connection was closed before the response was complete.',
  unreachable: 'There is no route to the host.',
  aborted: 'The calling code canceled the call before the response.',
  invalid_response: 'The response was not valid HTTP.',
  _OTHER: 'Any other error.',
};

/** Percentages of calls by kind of error. */
export type ErrorRates = Readonly<Record<string, number>>;

/** Returns the kinds of errors, most frequent first. */
export function listKinds(rates: ErrorRates): [kind: string, rate: number][] {
  return Object.entries(rates).sort(([, a], [, b]) => b - a);
}

/** For example `timeout`, or `status 503`. */
export function nameKind(kind: string): string {
  if (kind === '_OTHER') return 'other';
  return /^\d{3}$/.test(kind) ? `status ${kind}` : kind.replaceAll('_', ' ');
}

export function describeKind(kind: string): string {
  if (KINDS[kind]) return KINDS[kind];
  return /^\d{3}$/.test(kind) ? `The host responded with HTTP status ${kind}.` : '';
}

const MAX_KINDS = 3;

/** The most frequent kinds of errors as text, for example `refused 92 %, timeout 3 %`. */
export function ErrorKinds({ rates }: { rates: ErrorRates }) {
  const kinds = listKinds(rates);
  if (kinds.length === 0) return <span class="faint">none</span>;
  const format = ([kind, rate]: [string, number]) => `${nameKind(kind)} ${formatText(rate, '%')}`;
  const rest = kinds.length - MAX_KINDS;
  return (
    <span class="cell" title={kinds.map(format).join(', ')}>
      <span class="name">
        {kinds.slice(0, MAX_KINDS).map(format).join(', ')}
        {rest > 0 && `, ${rest} more`}
      </span>
    </span>
  );
}
