import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Parts } from './parts.ts';
import { notFound, problems } from './problem.ts';
import { performanceRoutes } from './routes.ts';

/** The pieces that the server joins with the API: `page` answers `/`, `metrics` answers `/metrics`. */
export interface Surfaces {
  page: string;
  pageScript: string;
  metrics: RequestHandler;
}

export function createApp(parts: Parts, { page, pageScript, metrics }: Surfaces): Express {
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
  app.get('/readyz', async (_request, response) => {
    await parts.query('SELECT count() FROM system_health WHERE timestamp > $1', [new Date()]);
    response.json({ status: 'ready' });
  });
  app.get('/metrics', metrics);
  app.use('/api/performance', performanceRoutes(parts));
  app.use(notFound);
  app.use(problems(parts.log));
  return app;
}
