// Services with the OpenTelemetry SDKs for Go, Node.js, and Python send their metrics over OTLP.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DASHBOARD_QUERIES, openReadOnly, runDashboardQuery } from '../support/check-dashboards.ts';
import { InstrumentedApp } from '../support/instrumented-app.ts';
import { openBrowser } from '../support/open-browser.ts';
import { type OtelLanguage, OtelService, type RecordedPoint } from '../support/otel-service.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import {
  countUpToBounds,
  isStoredBound,
  sumUpTo,
  toFactor,
  toPointKey,
  toRowKey,
} from '../support/recorded-points.ts';
import { waitFor } from '../support/wait-for.ts';

const OTHER_LANGUAGES: readonly OtelLanguage[] = ['Go', 'Python'];
const LANGUAGES: readonly OtelLanguage[] = ['Go', 'Node.js', 'Python'];
/** Measured by the instrumentation libraries. */
const REQUEST_METRIC = 'http.server.request.duration';
const OWN_METRICS = ['orders', 'cart.items', 'room.temperature', 'order.value', 'order.size'];

const SERVICE_DASHBOARDS = /^perfscope-(overview|api|system|targets|trends): /;
/** Panels about values that the instrumentation of a language doesn't record. A Collector records the host's values. */
const TIME_PANELS = ['Where the time goes', 'Where the time goes by endpoint'].map(
  (title) => `perfscope-api: ${title}`,
);
const NOT_MEASURED: Readonly<Record<string, readonly string[]>> = {
  Go: [
    ...TIME_PANELS,
    ...['Disk', 'Process memory', 'Load', 'Garbage collection', 'Libraries'].map(toSystemPanel),
  ],
  Python: [
    ...TIME_PANELS,
    ...['Disk', 'Load', 'Heap used', 'Garbage collection', 'Libraries'].map(toSystemPanel),
  ],
};

/** Whether the model has data in these panels depends on the time since its last report. */
const TIMED_PANELS = [
  'CPU and memory by process',
  'Event loop delay',
  'Event loop utilization',
].map(toSystemPanel);

const server = new PerfscopeServer();
const services = new Map<OtelLanguage, OtelService>();
/** Requests that the SDKs recorded. */
const recordedRequests = new Map<OtelLanguage, RecordedPoint[]>();
const nameOf = (language: OtelLanguage) => `shop-${language.toLowerCase()}`;

beforeAll(async () => {
  const rules = join(server.folder, 'rules.yaml');
  // The built-in rules, but evaluated more often.
  writeFileSync(rules, 'interval: 1s\nrules: []\n');
  server.env.PERFORMANCE_RULES_FILE = rules;
  await server.start();
  for (const language of LANGUAGES) {
    const options = { language, name: nameOf(language), endpoint: server.url };
    services.set(language, await OtelService.start(options));
  }
});
afterAll(async () => {
  for (const service of services.values()) await service.remove();
  await server.remove();
});

const countRows = async (service: string) => {
  const sql = `SELECT count() FROM performance_metrics WHERE service = '${service}' AND name = 'orders'`;
  return Number((await server.sql(sql))[0]?.[0]);
};

describe.each(LANGUAGES)('the SDK for %s', (language) => {
  const service = nameOf(language);
  let recorded: RecordedPoint[] = [];

  it('exports several times', async () => {
    const app = services.get(language)!;
    for (const number of [1, 2, 3]) expect(await app.request(`/orders/${number}`)).toBe(200);
    const before = await waitFor(async () => countRows(service));
    for (const number of [40, 5, 600]) expect(await app.request(`/orders/${number}`)).toBe(200);
    await waitFor(async () => (await countRows(service)) > before);
    expect(await app.request('/orders/7')).toBe(200);
    if (language !== 'Node.js') {
      for (let i = 0; i < 3; i++) expect(await app.request('/fail')).toBe(500);
    }
    recorded = (await app.stop()).filter(({ name }) => {
      return name === REQUEST_METRIC || OWN_METRICS.includes(name);
    });
    recordedRequests.set(
      language,
      recorded.filter(({ name }) => name === REQUEST_METRIC),
    );
    const names = new Set(recorded.map(({ name }) => name));
    expect(names.size).toBe(language === 'Node.js' ? 5 : 6);
  });

  it('stores the sums that the SDK recorded', async () => {
    const expected = recorded
      .filter(({ kind, name }) => kind === 'Sum' && name !== 'cart.items')
      .map((point) => [toPointKey(point), point.value]);
    await waitForEqual(expected, async () => {
      const rows = await server.sql(
        `SELECT name, endpoint, operation, tags, sum(value) FROM performance_metrics
         WHERE service = '${service}' AND name = 'orders'`,
      );
      return rows.map(([name, endpoint, operation, tags, value]) => [
        toRowKey(name, endpoint, operation, tags),
        value,
      ]);
    });
  });

  it('stores the last values of gauges and up-down counters', async () => {
    const expected = recorded
      .filter(({ kind, name }) => kind === 'Gauge' || name === 'cart.items')
      .map((point) => [toPointKey(point), point.value]);
    await waitForEqual(expected, async () => {
      const rows = await server.sql(
        `SELECT name, endpoint, operation, tags, last(value) FROM performance_metrics
         WHERE service = '${service}' AND name IN ('cart.items', 'room.temperature')`,
      );
      return rows.map(([name, endpoint, operation, tags, value]) => [
        toRowKey(name, endpoint, operation, tags),
        value,
      ]);
    });
  });

  it('stores the counts, sums, and buckets of histograms', async () => {
    const histograms = recorded.filter(({ kind }) => kind.endsWith('Histogram'));
    const expected = histograms.map((point) => {
      const sum = (point.sum ?? 0) * toFactor(point.unit);
      return [toPointKey(point), point.count, Number(sum.toPrecision(9))];
    });
    const names = `('order.value', 'order.size', '${REQUEST_METRIC}')`;
    await waitForEqual(expected, async () => {
      const rows = await server.sql(
        `SELECT name, endpoint, operation, tags, sum(count), sum(sum) FROM performance_metrics
         WHERE service = '${service}' AND name IN ${names}`,
      );
      return rows.map(([name, endpoint, operation, tags, count, sum]) => [
        toRowKey(name, endpoint, operation, tags),
        count,
        Number(Number(sum).toPrecision(9)),
      ]);
    });
    for (const point of histograms.filter(({ name }) => name !== REQUEST_METRIC)) {
      const buckets = await waitFor(async () => {
        const rows = await server.sql(
          `SELECT bucket_upper, sum(count) FROM metric_buckets
           WHERE service = '${service}' AND name = '${point.name}'`,
        );
        const found = rows.map((row) => row.map(Number) as [number, number]);
        return sumUpTo(found, Number.POSITIVE_INFINITY) === point.count && found;
      });
      const bounds = countUpToBounds(point).filter(
        ([bound]) => point.explicit_bounds !== undefined || isStoredBound(bound),
      );
      expect(bounds.length).toBeGreaterThan(5);
      const stored = bounds.map(([bound]) => [bound, sumUpTo(buckets, bound)]);
      expect([point.name, stored]).toEqual([point.name, bounds]);
    }
  });
});

/** A Node.js service with the agent, which gets the same kinds of requests. */
describe('compared with a Node.js service, a service in', () => {
  let hotel: InstrumentedApp;
  beforeAll(async () => {
    hotel = new InstrumentedApp('test/apps/hotel-esm.mjs', {
      env: { ...server.env, OTEL_SERVICE_NAME: 'hotel' },
    });
    const url = await hotel.url();
    for (let i = 0; i < 7; i++) await fetch(`${url}/rooms/${i}`);
    for (let i = 0; i < 3; i++) await fetch(`${url}/api/grand/broken`);
  });
  afterAll(() => hotel.stop());

  const getDashboard = async (service: string) => {
    const { api } = await server.get(`/api/performance/dashboard?service=${service}`);
    return api as Record<string, unknown> & { count: number };
  };
  const getEndpoints = async (service: string) => {
    const { endpoints } = await server.get(`/api/performance/endpoints?service=${service}`);
    return endpoints as { group: { endpoint: string; operation: string } }[];
  };
  /** OpenTelemetry measures neither the time to the first byte nor the parts of a request. */
  const listFields = (values: object) =>
    Object.keys(values)
      .filter(
        (name) => !/^(?:firstByte|database|outgoing|queue|connection|eventLoop|own)/.test(name),
      )
      .sort();
  /** Returns the panels with data. */
  const listPanels = async (service: string) => {
    const client = await openReadOnly(server.questdb.read);
    const toMs = Date.now() + 1000;
    const view = { fromMs: toMs - 15 * 60_000, toMs, selected: { service: [service] } };
    const names: string[] = [];
    for (const query of DASHBOARD_QUERIES.filter(({ name }) => SERVICE_DASHBOARDS.test(name))) {
      const { name, rows } = await runDashboardQuery(client, query, view);
      if (rows.length > 0) names.push(name);
    }
    await client.end();
    return names;
  };

  it.each(OTHER_LANGUAGES)('%s has the same values in the API', async (language) => {
    const service = nameOf(language);
    // Rows and buckets are applied one after the other.
    const found = await waitFor(async () => {
      const [model, each] = [await getDashboard('hotel'), await getDashboard(service)];
      return String(listFields(each)) === String(listFields(model)) && each.count === 10 && each;
    });
    expect(found.errorRate).toBe(30);

    const [model] = await getEndpoints('hotel');
    const endpoints = await getEndpoints(service);
    for (const each of endpoints) {
      expect(listFields(each)).toEqual(listFields(model!));
    }
    const route = language === 'Go' ? '/orders/{number}' : '/orders/<int:number>';
    expect(endpoints.map(({ group }) => group)).toEqual([
      { endpoint: route, operation: 'GET' },
      { endpoint: '/fail', operation: 'GET' },
    ]);
  });

  it.each(OTHER_LANGUAGES)('%s has the requests that its SDK recorded', async (language) => {
    const path = `endpoints?groupBy=service,endpoint,operation&service=${nameOf(language)}`;
    const expected = recordedRequests.get(language)!;
    expect(expected.length).toBe(2);
    const endpoints = await waitFor(async () => {
      const { endpoints } = await server.get(`/api/performance/${path}`);
      const found = endpoints as Record<string, number | Record<string, string>>[];
      const isComplete = found.every(({ p95 }) => p95 !== undefined);
      return found.length === expected.length && isComplete && found;
    });
    for (const point of expected) {
      const { count = 0, sum = 0, attributes } = point;
      const isFailed = attributes['http.response.status_code'] === 500;
      const group = {
        service: nameOf(language),
        endpoint: attributes['http.route'],
        operation: attributes['http.request.method'],
      };
      const found = endpoints.find((each) => JSON.stringify(each.group) === JSON.stringify(group));
      expect(found).toMatchObject({
        ...{ count, errorCount: isFailed ? count : 0, errorRate: isFailed ? 100 : 0 },
        ...{ count2xx: isFailed ? 0 : count, count4xx: 0, count5xx: isFailed ? count : 0 },
        average: expect.closeTo((1000 * sum) / count, 6) as number,
      });
      for (const [name, quantile] of Object.entries({ p50: 0.5, p95: 0.95, p99: 0.99 })) {
        const [low, high] = getBucketOf(point, quantile);
        expect(found?.[name]).toBeGreaterThanOrEqual(1000 * low);
        expect(found?.[name]).toBeLessThanOrEqual(1000 * high);
      }
    }
  });

  it('Go or Python is on the page, with its endpoints', async () => {
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(`${server.url}/services`);
      const services = page.getByRole('region', { name: 'Services' });
      for (const name of ['hotel', ...OTHER_LANGUAGES.map(nameOf)]) {
        const row = services.getByRole('row').filter({ hasText: name });
        await waitFor(async () => (await row.textContent())?.includes('30 %'));
      }
      const endpoints = page.getByRole('region', { name: 'Endpoints' });
      await endpoints.getByRole('table').waitFor();
      const texts = await endpoints.getByRole('row').allTextContents();
      for (const [language, route] of [
        ['Go', '/orders/{number}'],
        ['Python', '/orders/<int:number>'],
      ] as const) {
        const found = texts.filter(
          (text) => text.includes(`GET ${route}`) && text.includes(nameOf(language)),
        );
        expect(found).toHaveLength(1);
      }
    } finally {
      await browser.close();
    }
  });

  it.each(OTHER_LANGUAGES)('%s is in the list of processes', async (language) => {
    const host = await waitFor(async () => {
      const { hosts } = await server.get(`/api/performance/health?service=${nameOf(language)}`);
      return (hosts as object[])[0];
    });
    expect(host).toMatchObject({ service: nameOf(language), status: expect.any(String) });
  });

  it('Go or Python has data in the same panels', async () => {
    const notMeasured = Object.values(NOT_MEASURED).flat();
    // Tables are written one after the other, and an idle process collects garbage only now and then.
    const expected = await waitFor(async () => {
      const names = await listPanels('hotel');
      return notMeasured.every((name) => names.includes(name)) && names;
    });
    expect(expected.length).toBeGreaterThan(20);
    for (const language of OTHER_LANGUAGES) {
      const listMissing = async () => {
        const found = await listPanels(nameOf(language));
        return expected
          .filter((name) => !found.includes(name) && !TIMED_PANELS.includes(name))
          .map((name) => [language, name]);
      };
      await waitForEqual(
        NOT_MEASURED[language]!.map((name) => [language, name]),
        listMissing,
      );
    }
  });

  it.each(OTHER_LANGUAGES)('%s raises an alert if requests fail', async (language) => {
    const labels = await waitFor(async () => {
      const path = '/api/performance/alerts?rule=error-rate&state=firing';
      const { alerts } = await server.get(path);
      const found = alerts as { labels: Record<string, string> }[];
      return found.find((each) => each.labels.service === nameOf(language))?.labels;
    });
    expect(labels.scope).toBe('service');
  });
});

/** Returns the bounds of the bucket with a quantile, in the unit of the point. */
function getBucketOf(
  { explicit_bounds = [], bucket_counts = [], count = 0 }: RecordedPoint,
  quantile: number,
): [low: number, high: number] {
  let below = 0;
  const index = bucket_counts.findIndex((each) => {
    below += each;
    return below >= quantile * count;
  });
  return [explicit_bounds[index - 1] ?? 0, explicit_bounds[index] ?? Number.POSITIVE_INFINITY];
}

function toSystemPanel(title: string): string {
  return `perfscope-system: ${title}`;
}

/** Waits until a query returns the expected rows, in any order. */
async function waitForEqual(
  expected: readonly unknown[][],
  query: () => Promise<unknown[][]>,
): Promise<void> {
  const toText = (rows: readonly unknown[][]) => rows.map((row) => JSON.stringify(row)).sort();
  let found: string[] = [];
  await waitFor(async () => {
    found = toText(await query());
    return String(found) === String(toText(expected));
  }).catch(() => {});
  expect(found).toEqual(toText(expected));
}
