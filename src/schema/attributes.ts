/** Marks a request whose client went away before the response was complete. */
export const ABORTED = 'perfscope.request.aborted';
/** The tenant that a measurement was made for. */
export const ORGANIZATION = 'perfscope.organization.id';
export const PROPERTY = 'perfscope.property.id';
/**
 * Marks the series that holds what is beyond the limit of series
 * (https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute).
 */
export const OVERFLOW = 'otel.metric.overflow';
