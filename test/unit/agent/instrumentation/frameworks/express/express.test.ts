import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXPRESS } from '../../../../../../src/agent/instrumentation/frameworks/express/express.ts';
import { getRequestState } from '../../../../../../src/agent/instrumentation/requests/request-state.ts';
import { applyPatch, createTestContext } from '../../../../../support/instrumentation-context.ts';
import {
  RequestMeasurements,
  startHttpServer,
} from '../../../../../support/request-measurements.ts';

const require = createRequire(import.meta.url);
const express = require('express');
const { createRoutesApp, EXPECTED_ROUTES } = require('../../../../../apps/routes.cjs') as {
  createRoutesApp: (library: unknown) => Parameters<typeof startHttpServer>[0];
  EXPECTED_ROUTES: Record<string, string | undefined>;
};

const measurements = new RequestMeasurements();
let app: Awaited<ReturnType<typeof startHttpServer>>;
beforeAll(async () => {
  applyPatch(EXPRESS, createTestContext(), '', express);
  app = await startHttpServer(createRoutesApp(express));
});
afterAll(() => {
  measurements.stop();
  app.server.close();
  app.server.closeAllConnections();
});

it.each(Object.entries(EXPECTED_ROUTES))('the route of %s is %s', async (path, route) => {
  const response = await fetch(app.url + path);
  await response.text();
  const [row] = await measurements.takeRows(1);
  expect(row?.endpoint).toBe(route);
});

it('keeps the route of a framework that runs an Express app which does not respond', async () => {
  const inner = express();
  inner.get('/other', () => {});
  const outer = await startHttpServer((request, response) => {
    getRequestState(request)!.route = '/outer/:id';
    inner(request, response, () => response.end());
  });
  await fetch(`${outer.url}/outer/1`);
  const [row] = await measurements.takeRows(1);
  expect(row?.endpoint).toBe('/outer/:id');
  outer.server.close();
  outer.server.closeAllConnections();
});
