import { randomUUID } from 'node:crypto';
import { scrub } from '../schema/scrub.ts';
import type { Add } from '../schema/tables.ts';

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

export type Audit = (entry: AuditEntry) => void;

const MOST_DETAIL = 4000;
const SECRET_NAME = /secret|token|password|hash|authorization|cookie|^(api)?_?key$/i;

/** Writes entries as rows of `audit_log`, which are only ever added. */
export function auditTo(add: Add, now: () => number = Date.now): Audit {
  return ({ detail, ...entry }) => {
    const text = detail ? JSON.stringify(detail, withoutSecrets) : '{}';
    // Cut JSON is none: what is too long is left out as a whole.
    const kept = text.length > MOST_DETAIL ? '{"detail":"too long"}' : text;
    add('audit_log', [{ ...entry, id: randomUUID(), timestamp: now(), seq: 1, detail: kept }]);
  };
}

function withoutSecrets(name: string, value: unknown): unknown {
  if (SECRET_NAME.test(name)) return '[secret]';
  return typeof value === 'string' ? scrub(value, MOST_DETAIL) : value;
}
