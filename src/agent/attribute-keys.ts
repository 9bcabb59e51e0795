/** Marks a request whose client disconnected before the response was complete. */
export const ATTR_REQUEST_ABORTED = 'perfscope.request.aborted';
/** Tenant that a measurement belongs to. */
export const ATTR_ORGANIZATION_ID = 'perfscope.organization.id';
export const ATTR_PROPERTY_ID = 'perfscope.property.id';
/** Type, endpoint, and operation of a value that the application recorded with Perfscope's library. */
export const ATTR_METRIC_TYPE = 'perfscope.metric.type';
export const ATTR_ENDPOINT = 'perfscope.endpoint';
export const ATTR_OPERATION = 'perfscope.operation';
/** Server of a queue, with the prefix or the consumer group: `<prefix>@<host>:<port>/<db>`. */
export const ATTR_QUEUE_SCOPE = 'perfscope.queue.scope';
/** Reason why rows were dropped. */
export const ATTR_DROP_REASON = 'perfscope.drop.reason';
/** Replaces attributes that were too large. */
export const ATTR_TAGS_DROPPED = 'perfscope.tags.dropped';
/** Part of the agent that failed. */
export const ATTR_AGENT_PART = 'perfscope.agent.part';
/** Name of a circuit breaker, outcome of a call, and new state of a breaker. */
export const ATTR_BREAKER_NAME = 'perfscope.breaker.name';
export const ATTR_BREAKER_OUTCOME = 'perfscope.breaker.outcome';
export const ATTR_BREAKER_STATE = 'perfscope.breaker.state';
/** Signal (`metrics` or `traces`) and HTTP status of an OTLP request to the server. */
export const ATTR_OTLP_SIGNAL = 'perfscope.otlp.signal';
export const ATTR_OTLP_STATUS = 'perfscope.otlp.status';
/** What the server did with a point or a span (`stored`, `rejected`, or `ignored`), and the reason. */
export const ATTR_OTLP_OUTCOME = 'perfscope.otlp.outcome';
export const ATTR_OTLP_REASON = 'perfscope.otlp.reason';
/**
 * Marks the series that combines all series over the limit
 * (https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute).
 */
export const ATTR_METRIC_OVERFLOW = 'otel.metric.overflow';
/**
 * Name and version of the agent
 * (https://opentelemetry.io/docs/specs/semconv/resource/telemetry-distro/).
 */
export const ATTR_DISTRO_NAME = 'telemetry.distro.name';
export const ATTR_DISTRO_VERSION = 'telemetry.distro.version';
/** Route, or queue and job, whose code caused evidence for a suggestion. */
export const ATTR_CALLER = 'perfscope.caller';
/** The value of `ATTR_DISTRO_NAME`. */
export const DISTRO_NAME = 'perfscope';
/** Gauge with the size of the spool. Its attributes contain the version of the agent. */
export const SPOOL_SIZE_METRIC = 'perfscope.spool.size';
/** Gauge with the age of the oldest row in the spool. */
export const SPOOL_LAG_METRIC = 'perfscope.spool.lag';
/** Counter of the rows that were not stored. */
export const DROPPED_ROWS_METRIC = 'perfscope.rows.dropped';
/** Counters of the points that the OTLP export sent and dropped. */
export const OTLP_SENT_METRIC = 'perfscope.export.points.sent';
export const OTLP_DROPPED_METRIC = 'perfscope.export.points.dropped';
/** Gauge with the number of rows that QuestDB rejected and that were set aside. */
export const DEAD_LETTERS_METRIC = 'perfscope.spool.dead_letters';
