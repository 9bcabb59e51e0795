import { randomUUID } from 'node:crypto';
import { redact } from '../../core/redact.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';

/** One administrative act. */
interface AuditEntry {
  /** Subject of the principal, or who used the command line. */
  readonly author: string;
  /** What was done, as `key.create`, `key.revoke`, `test.cleanup`. */
  readonly action: string;
  /** To what: the id of a key, a rule's name. */
  readonly object: string;
  /** What else matters. Its texts are scrubbed; a property whose name tells of a secret is blanked. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
  /** Remote address of the request; none for the command line. */
  readonly address?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

export type AuditLogger = (entry: AuditEntry) => void;

const MAX_DETAIL_LENGTH = 4000;
const SECRET_NAME_PATTERN = /secret|token|password|hash|authorization|cookie|^(api)?_?key$/i;

/** Writes entries as rows of `audit_log`, which are only ever added. */
export function createAuditLogger(add: AddRows, now: () => number = Date.now): AuditLogger {
  return ({ detail, ...entry }) => {
    const text = detail ? JSON.stringify(detail, redactSecrets) : '{}';
    // Cut JSON is none: what is too long is left out as a whole.
    const kept = text.length > MAX_DETAIL_LENGTH ? '{"detail":"too long"}' : text;
    add('audit_log', [{ ...entry, id: randomUUID(), timestamp: now(), seq: 1, detail: kept }]);
  };
}

function redactSecrets(name: string, value: unknown): unknown {
  if (SECRET_NAME_PATTERN.test(name)) return '[secret]';
  return typeof value === 'string' ? redact(value, MAX_DETAIL_LENGTH) : value;
}
