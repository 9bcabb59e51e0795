import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { authenticate } from './authenticate.ts';
import { guard } from './caller.ts';
import { linkRoutes } from './links.ts';
import type { Parts } from './parts.ts';
import { notFound, problems } from './problem.ts';
import { ready } from './ready.ts';
import { ENDPOINT_LIST } from './registry.ts';
import { apiRoutes } from './routes.ts';

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
  app.get('/readyz', ready(parts.store));
  app.get('/metrics', authenticate(parts.access.identify), guard('scrape'), metrics);
  app.use(linkRoutes(parts));
  app.use(apiRoutes(parts, ENDPOINT_LIST));
  app.use(notFound());
  app.use(problems(parts.log));
  return app;
}
