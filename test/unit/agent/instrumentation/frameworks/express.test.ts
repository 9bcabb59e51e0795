import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXPRESS } from '../../../../../src/agent/instrumentation/frameworks/express.ts';
import { applyPatch, createTestContext } from '../../../../support/instrumentation-context.ts';
import { RequestMeasurements, startHttpServer } from '../../../../support/request-measurements.ts';

const require = createRequire(import.meta.url);
const express = require('express');
const { createRoutesApp, EXPECTED_ROUTES } = require('../../../../apps/routes.cjs') as {
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
