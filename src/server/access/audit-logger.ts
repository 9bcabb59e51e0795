import { randomUUID } from 'node:crypto';
import { redact } from '../../core/redact.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';

/** An administrative action. */
interface AuditEntry {
  /** Subject of the principal, or the user of the command line. */
  readonly author: string;
  /** For example `key.create`, `key.revoke`, or `test.cleanup`. */
  readonly action: string;
  /** The object of the action, such as a key ID or a rule name. */
  readonly object: string;
  /** Further details. Secrets in text are redacted, and properties with secret-like names are hidden. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
  /** Remote address of the request. Undefined for the command line. */
  readonly address?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

export type AuditLogger = (entry: AuditEntry) => void;

const MAX_DETAIL_LENGTH = 4000;
const SECRET_NAME_PATTERN = /secret|token|password|hash|authorization|cookie|^(api)?_?key$/i;

/** Creates a logger that appends entries to the `audit_log` table. */
export function createAuditLogger(add: AddRows, now: () => number = Date.now): AuditLogger {
  return ({ detail, ...entry }) => {
    const text = detail ? JSON.stringify(detail, redactSecrets) : '{}';
    // Truncated JSON would be invalid, so details that are too long are omitted.
    const stored = text.length > MAX_DETAIL_LENGTH ? '{"detail":"too long"}' : text;
    add('audit_log', [{ ...entry, id: randomUUID(), timestamp: now(), seq: 1, detail: stored }]);
  };
}

function redactSecrets(name: string, value: unknown): unknown {
  if (SECRET_NAME_PATTERN.test(name)) return '[secret]';
  return typeof value === 'string' ? redact(value, MAX_DETAIL_LENGTH) : value;
}
