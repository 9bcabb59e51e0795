/** Marks a request whose client went away before the response was complete. */
export const ATTR_REQUEST_ABORTED = 'perfscope.request.aborted';
/** The tenant that a measurement was made for. */
export const ATTR_ORGANIZATION_ID = 'perfscope.organization.id';
export const ATTR_PROPERTY_ID = 'perfscope.property.id';
/** Why rows were given up. */
export const ATTR_DROP_REASON = 'perfscope.drop.reason';
/** A circuit breaker, what became of a call, and what it changed to. */
export const ATTR_BREAKER_NAME = 'perfscope.breaker.name';
export const ATTR_BREAKER_OUTCOME = 'perfscope.breaker.outcome';
export const ATTR_BREAKER_STATE = 'perfscope.breaker.state';
/**
 * Marks the series that holds what is beyond the limit of series
 * (https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute).
 */
export const ATTR_METRIC_OVERFLOW = 'otel.metric.overflow';
