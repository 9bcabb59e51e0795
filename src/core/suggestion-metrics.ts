/**
 * Metrics that the agent records only as evidence for suggestions. Each is recorded only if a value is remarkable, so
 * healthy services store almost no rows.
 */

/**
 * Histogram of the number of rows that a statement returned. Only results with at least {@link MIN_RETURNED_ROWS}
 * rows are recorded. `endpoint` is the fingerprint of the statement.
 */
export const RETURNED_ROWS_METRIC_NAME = 'db.client.response.returned_rows';
export const MIN_RETURNED_ROWS = 100;

/**
 * Histogram of the number of statements in a transaction. Only transactions with at least
 * {@link MIN_TRANSACTION_STATEMENTS} statements are recorded. `endpoint` is the route or job that ran the transaction,
 * and `operation` is the fingerprint of its most frequent statement.
 */
export const TRANSACTION_STATEMENTS_METRIC_NAME = 'perfscope.db.transaction.statements';
export const MIN_TRANSACTION_STATEMENTS = 10;

/**
 * Counter of executions that repeated a statement with the same arguments within a minute in the same process.
 * `endpoint` is the fingerprint of the statement. Arguments are compared by a hash with a random key of the process,
 * which is never stored.
 */
export const REPEATED_EXECUTIONS_METRIC_NAME = 'perfscope.db.statement.repeated_executions';

/**
 * Gauge of the number of connections that the application took from a pool more than a minute ago and hasn't
 * returned. `endpoint` is the name of the pool, and `operation` is the route or job that took most of them.
 */
export const HELD_CONNECTIONS_METRIC_NAME = 'perfscope.db.connection.held';
export const HELD_CONNECTION_MS = 60_000;

/**
 * Histogram of the times in ms in which a route or job blocked the event loop without interruption. Only times of at
 * least {@link MIN_BLOCK_MS} are recorded. `endpoint` is the route, and `operation` is the method of the request.
 */
export const EVENT_LOOP_BLOCK_METRIC_NAME = 'perfscope.event_loop.block';
export const MIN_BLOCK_MS = 50;
