/**
 * Service name of Perfscope's own processes, unless `OTEL_SERVICE_NAME` sets another one. Their requests are
 * stored, but excluded from the metrics of other services.
 */
export const OWN_SERVICE_NAME = 'perfscope';
