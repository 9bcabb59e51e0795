import { DecodeSession } from './decode/decode-session.ts';
import { DEFAULT_DECODE_LIMITS } from './decode/decoded-request.ts';
import type { OtlpEncoding, OtlpSignal } from './decode/otlp-response.ts';
import { parseJsonBody } from './decode/parse-json-body.ts';

const MAX_FIELDS = 3;
const MAX_FIELD_LENGTH = 40;

/** Fields of a message in JSON, and of the messages in its repeated fields. */
interface MessageFields {
  readonly [field: string]: MessageFields | null;
}

const createFields = (resources: string, scopes: string, items: string): MessageFields => ({
  [resources]: {
    resource: null,
    schemaUrl: null,
    [scopes]: { scope: null, schemaUrl: null, [items]: null },
  },
});
const FIELDS: Readonly<Record<OtlpSignal, MessageFields>> = {
  metrics: createFields('resourceMetrics', 'scopeMetrics', 'metrics'),
  traces: createFields('resourceSpans', 'scopeSpans', 'spans'),
};
const RESOURCE_FIELDS = { metrics: 'resourceMetrics', traces: 'resourceSpans' } as const;
const OTHER_SIGNALS = { metrics: 'traces', traces: 'metrics' } as const;

/**
 * Explains why a request without points or spans is probably a mistake of the sender. Unknown fields must be ignored
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding), so such a request is accepted.
 *
 * @param resources number of decoded resources
 * @param body the body, or a parsed body in JSON
 * @returns undefined if the request is intentionally empty
 */
export function explainEmptyRequest(
  signal: OtlpSignal,
  encoding: OtlpEncoding,
  resources: number,
  body: Buffer | { readonly json: unknown },
): string | undefined {
  const field = RESOURCE_FIELDS[signal];
  const missing = `The request contains no ${field}.`;
  if (Buffer.isBuffer(body) && body.length === 0) return undefined;
  if (encoding === 'protobuf') return resources === 0 ? missing : undefined;
  const json = Buffer.isBuffer(body)
    ? parseJsonBody(body, new DecodeSession(DEFAULT_DECODE_LIMITS))
    : body.json;
  const unknown = new Set(listUnknownFields(json, FIELDS[signal]));
  if (unknown.size === 0) return undefined;
  const other = OTHER_SIGNALS[signal];
  if (unknown.has(RESOURCE_FIELDS[other])) {
    return `${missing} Send ${RESOURCE_FIELDS[other]} to /v1/${other}.`;
  }
  const names = [...unknown]
    .slice(0, MAX_FIELDS)
    .map((name) => JSON.stringify(name.slice(0, MAX_FIELD_LENGTH)));
  const problem = resources === 0 ? missing : `The request contains no ${signal}.`;
  return `${problem} Unknown fields were ignored: ${names.join(', ')}. Field names are in lowerCamelCase, such as ${field}.`;
}

function* listUnknownFields(message: unknown, fields: MessageFields): Generator<string> {
  if (typeof message !== 'object' || message === null) return;
  for (const [name, value] of Object.entries(message)) {
    const known = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (known === undefined) yield name;
    else if (known && Array.isArray(value)) {
      for (const each of value) yield* listUnknownFields(each, known);
    }
  }
}
