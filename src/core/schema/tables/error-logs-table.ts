import {
  defineTable,
  type InferRow,
  RESOURCE_COLUMNS,
  TENANT_COLUMNS,
} from '../table-definition.ts';

/** The source of an error. */
export const ERROR_KINDS = [
  'uncaught',
  'rejection',
  'request',
  'job',
  'database',
  'alert',
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

export const ERROR_LEVELS = ['fatal', 'error'] as const;
export type ErrorLevel = (typeof ERROR_LEVELS)[number];

/**
 * One error, or the last of `count` identical errors. Errors with the same `fingerprint` are
 * occurrences of one error. `context` is a JSON object.
 */
export const errorLogsTable = defineTable({
  name: 'error_logs',
  columns: {
    fingerprint: 'symbol',
    level: 'symbol',
    kind: 'symbol',
    errorType: 'symbol',
    ...TENANT_COLUMNS,
    ...RESOURCE_COLUMNS,
    id: 'varchar',
    count: 'long',
    message: 'varchar',
    stackTrace: 'varchar',
    alertId: 'varchar',
    endpoint: 'varchar',
    context: 'varchar',
    userId: 'varchar',
  },
  dedupKeys: ['id'],
});

export type ErrorLogRow = InferRow<typeof errorLogsTable>;
