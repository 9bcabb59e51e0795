/** Marks a request whose client went away before the response was complete. */
export const ABORTED = 'perfscope.request.aborted';
/** The tenant that a measurement was made for. */
export const ORGANIZATION = 'perfscope.organization.id';
export const PROPERTY = 'perfscope.property.id';
/** Why rows were given up. */
export const DROP_REASON = 'perfscope.drop.reason';
/** A circuit breaker, what became of a call, and what it changed to. */
export const BREAKER_NAME = 'perfscope.breaker.name';
export const BREAKER_OUTCOME = 'perfscope.breaker.outcome';
export const BREAKER_STATE = 'perfscope.breaker.state';
/**
 * Marks the series that holds what is beyond the limit of series
 * (https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute).
 */
export const OVERFLOW = 'otel.metric.overflow';
