// Starts Sentry as its documentation describes: every request is traced.
require('@sentry/node').init({ dsn: process.env.SENTRY_DSN, tracesSampleRate: 1 });
