import { Router } from 'express';
import { z } from 'zod';
import { coded } from '../errors.ts';
import { dashboard } from '../windows/dashboard.ts';
import type { DashboardOptions } from '../windows/range.ts';
import type { Parts } from './parts.ts';
import { runTestAction } from './test-actions.ts';

const MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const scope = z.strictObject({
  last: z
    .string()
    .regex(/^\d{1,5}[smhd]$/, 'last must look like 15m: a number and s, m, h or d')
    .optional(),
  organizationId: z.string().min(1).max(512).optional(),
  propertyId: z.string().min(1).max(512).optional(),
  includeTest: z.enum(['true', 'false']).optional(),
});

/** The endpoints under `/api/performance`. */
export function performanceRoutes(parts: Parts): Router {
  const routes = Router();
  routes.get('/dashboard', async (request, response) => {
    response.json(await dashboard(parts.query, optionsOf(request.query)));
  });
  routes.get('/health', async (_request, response) => {
    response.json(await parts.health.getHealthSnapshot());
  });
  routes.all('/test', async (request, response) => {
    response.json(await runTestAction(request.query.action, parts));
  });
  return routes;
}

function optionsOf(query: unknown): DashboardOptions {
  const parsed = scope.safeParse(query);
  if (!parsed.success) {
    throw coded('PS_REQUEST_INVALID', { reason: z.prettifyError(parsed.error) });
  }
  const { last, includeTest, organizationId, propertyId } = parsed.data;
  return {
    ...(last && { windowMs: Number.parseInt(last, 10) * MS[last.at(-1) as keyof typeof MS] }),
    ...(organizationId && { organizationId }),
    ...(propertyId && { propertyId }),
    includeTest: includeTest === 'true',
  };
}
