// Records rows at a constant rate. Usage: node record-rows.mjs CHECKOUT ROWS_PER_SECOND SERIES SECONDS
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { findAgentModule } from './agent-module.ts';

const [checkout, perSecond, series, seconds] = process.argv.slice(2);
const { performanceMonitoringService: service } = await import(
  pathToFileURL(findAgentModule(checkout, 'index.js')).href
);
const total = Number(perSecond) * Number(seconds);
const startMs = performance.now();
for (let sent = 0; sent < total; ) {
  const due = Math.min(total, ((performance.now() - startMs) / 1000) * Number(perSecond));
  for (; sent < due; sent++) {
    service.recordMetric({
      type: 'API_RESPONSE_TIME',
      name: 'bench',
      operation: 'GET',
      endpoint: `/rooms/:id/${sent % Number(series)}`,
      organizationId: `org-${sent % 7}`,
      value: 1 + ((sent * 7919) % 1000),
    });
  }
  await delay(20);
}
await service.flush();
