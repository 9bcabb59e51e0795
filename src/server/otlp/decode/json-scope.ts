import type { OtelScope } from '../../../core/otel/metric-data.ts';
import type { DecodeSession } from './decode-session.ts';
import type { JsonMessage } from './json-message.ts';

/** Reads the scope of a `ScopeMetrics` or a `ScopeSpans`. A name or a version that is too long is omitted. */
export function readJsonScope(message: JsonMessage, { limits }: DecodeSession): OtelScope {
  const limit = (text: string | undefined) =>
    text && Buffer.byteLength(text) <= limits.maxStringBytes ? text : undefined;
  const scope = message.message('scope');
  return {
    name: limit(scope?.text('name')) ?? '',
    version: limit(scope?.text('version')),
    schemaUrl: limit(message.text('schemaUrl')),
  };
}
