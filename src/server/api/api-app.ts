import type { Express, RequestHandler } from 'express';
import express from 'express';
import helmet from 'helmet';
import { createError } from '../../core/errors.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { sql } from '../../storage/sql/sql-builder.ts';
import { createApiRouter } from './api-router.ts';
import type { EndpointDependencies } from './endpoint-definition.ts';
import { ENDPOINT_LIST } from './endpoint-registry.ts';
import { createLinkRouter } from './link-router.ts';
import { authenticate } from './middleware/authentication-middleware.ts';
import { requirePermission } from './middleware/authorization-middleware.ts';
import { createErrorHandler, createNotFoundHandler } from './problem-details.ts';

/** Names of the tables that take rows without storing them (https://questdb.com/docs/concept/write-ahead-log/). */
const SUSPENDED_TABLES_QUERY = sql`SELECT name FROM wal_tables() WHERE suspended = true ORDER BY name`;

/** Whether QuestDB answers, and stores what it takes. */
export function createReadinessHandler(store: QueryClient): RequestHandler {
  return async (_request, response) => {
    const suspended = await store.read(UNRESTRICTED_SCOPE, SUSPENDED_TABLES_QUERY);
    if (suspended.length > 0) {
      const tables = suspended.map(({ name }) => String(name)).join(', ');
      throw createError('PS_TABLE_SUSPENDED', { tables });
    }
    response.json({ status: 'ready' });
  };
}

/** The pieces that the server joins with the API: `page` answers `/`, `metrics` answers `/metrics`. */
export interface AppContent {
  page: string;
  pageScript: string;
  metrics: RequestHandler;
}

export function createApp(
  parts: EndpointDependencies,
  { page, pageScript, metrics }: AppContent,
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(helmet({ strictTransportSecurity: false }));
  app.get('/', (_request, response) => {
    response.type('html').send(page);
  });
  app.get('/page.js', (_request, response) => {
    response.type('js').send(pageScript);
  });
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/readyz', createReadinessHandler(parts.queryClient));
  app.get(
    '/metrics',
    authenticate(parts.access.authenticate),
    requirePermission('scrape'),
    metrics,
  );
  app.use(createLinkRouter(parts));
  app.use(createApiRouter(parts, ENDPOINT_LIST));
  app.use(createNotFoundHandler());
  app.use(createErrorHandler(parts.log));
  return app;
}
