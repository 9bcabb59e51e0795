import type { Express, RequestHandler } from 'express';
import express from 'express';
import helmet from 'helmet';
import type { AgentDownload } from '../../web/index-page.ts';
import type { AgentPackage } from '../agent-package/agent-package-file.ts';
import { createAgentPackageRouter, describeAgentDownload } from './agent-package-router.ts';
import { createApiRouter } from './api-router.ts';
import type { EndpointDependencies } from './endpoint-definition.ts';
import { ENDPOINT_LIST } from './endpoint-registry.ts';
import { authenticate } from './middleware/authentication-middleware.ts';
import { requirePermission } from './middleware/authorization-middleware.ts';
import { createErrorHandler, createNotFoundHandler } from './problem-details.ts';
import { createReadinessHandler } from './readiness-handler.ts';
import { createRunbookRouter } from './runbook-router.ts';
import { createLinkRouter } from './signed-link-router.ts';

/** Content that the server adds to the API. */
export interface AppContent {
  /** Returns the HTML of `/`. */
  createPage: (agent: AgentDownload) => string;
  /** JavaScript of `/page.js`. */
  pageScript: string;
  /** Handles `/metrics`. */
  metrics: RequestHandler;
  /** Handles `/v1/metrics`, `/v1/traces`, and `/v1/logs`. Not called for other paths. */
  otlp: RequestHandler;
  /** Returns the agent package of `/agent-<version>.tgz`. @throws PS_AGENT_MISSING */
  loadAgentPackage: () => AgentPackage;
}

/** Creates the HTTP app with the API, the web page, health checks, and links from notifications. */
export function createApp(
  dependencies: EndpointDependencies,
  { createPage, pageScript, metrics, otlp, loadAgentPackage }: AppContent,
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(helmet({ strictTransportSecurity: false }));
  app.get('/', (request, response) => {
    response.type('html').send(createPage(describeAgentDownload(request, loadAgentPackage)));
  });
  app.get('/page.js', (_request, response) => {
    response.type('js').send(pageScript);
  });
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get(
    '/readyz',
    createReadinessHandler(dependencies.storage, dependencies.access.authenticate),
  );
  app.get(
    '/metrics',
    authenticate(dependencies.access.authenticate),
    requirePermission('scrape'),
    metrics,
  );
  app.use(otlp);
  app.use(createAgentPackageRouter(loadAgentPackage));
  app.use(createRunbookRouter());
  app.use(createLinkRouter(dependencies));
  app.use(createApiRouter(dependencies, ENDPOINT_LIST));
  app.use(createNotFoundHandler());
  app.use(createErrorHandler(dependencies.log));
  return app;
}
