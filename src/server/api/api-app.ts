import type { Express, RequestHandler } from 'express';
import express from 'express';
import helmet from 'helmet';
import type { AgentPackage } from '../agent-package/agent-package-file.ts';
import { createAgentPackageRouter } from './agent-package-router.ts';
import { createApiRouter } from './api-router.ts';
import type { EndpointDependencies } from './endpoint-definition.ts';
import { ENDPOINT_LIST } from './endpoint-registry.ts';
import { authenticate } from './middleware/authentication-middleware.ts';
import { requirePermission } from './middleware/authorization-middleware.ts';
import { createErrorHandler, createNotFoundHandler } from './problem-details.ts';
import { createReadinessHandler } from './readiness-handler.ts';
import { createRunbookRouter } from './runbook-router.ts';
import { createLinkRouter } from './signed-link-router.ts';
import { createWebAppRouter, findWebFolder, stripPublicPath } from './web-app-router.ts';

/** Content that the server adds to the API. */
export interface AppContent {
  /** Path under which users open the server. Starts and ends with `/`. */
  publicPath: string;
  /** Handles `/metrics`. */
  metrics: RequestHandler;
  /** Handles `/v1/metrics`, `/v1/traces`, and `/v1/logs`. Not called for other paths. */
  otlp: RequestHandler;
  /** Handles `/api/v2/alerts` and `/api/v2/status`. Not called for other paths. */
  alertmanager: RequestHandler;
  /** Returns the agent package of `/agent-<version>.tgz`. @throws PS_AGENT_MISSING */
  loadAgentPackage: () => AgentPackage;
}

/** Creates the HTTP app with the API, the web UI, health checks, and links from notifications. */
export function createApp(
  dependencies: EndpointDependencies,
  { publicPath, metrics, otlp, alertmanager, loadAgentPackage }: AppContent,
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(stripPublicPath(publicPath));
  app.use(helmet({ strictTransportSecurity: false }));
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
  app.use(alertmanager);
  app.use(createAgentPackageRouter(loadAgentPackage));
  app.use(createRunbookRouter());
  app.use(createLinkRouter(dependencies));
  app.use(createApiRouter(dependencies, ENDPOINT_LIST));
  app.use(createWebAppRouter(findWebFolder(), publicPath));
  app.use(createNotFoundHandler());
  app.use(createErrorHandler(dependencies.log));
  return app;
}
