import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { createIndexPage } from '../../../src/web/index-page.ts';
import { INDEX_PAGE_SCRIPT } from '../../../src/web/index-page-script.ts';

const DOWNLOAD = {
  path: '/agent-1.2.3.tgz',
  fileName: 'perfscope-agent-1.2.3.tgz',
  integrity: 'sha512-abc+/=',
  isAllowed: true,
};

function readCommands(page: string): string[] {
  const text = (html: string) => html.replaceAll(/<[^>]+>/g, '');
  return [...page.matchAll(/<pre>(.*?)<\/pre>/gs)].map(([, html]) => text(String(html)));
}

it('shows how to download, install, start, and check the agent', () => {
  const page = createIndexPage(DOWNLOAD);
  expect(readCommands(page)).toEqual([
    'curl --fail --create-dirs -o ./vendor/perfscope-agent-1.2.3.tgz /agent-1.2.3.tgz\nnpm install ./vendor/perfscope-agent-1.2.3.tgz',
    'node --import @perfscope/agent/register app.js',
    'npx @perfscope/agent doctor app.js',
    'OTEL_EXPORTER_OTLP_ENDPOINT=\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
  ]);
  // The script of the page writes the origin of the browser in front of the path.
  expect(page).toContain('<span class="origin"></span>/agent-1.2.3.tgz');
  expect(page).toContain('SHA-512 of the file: <code>sha512-abc+/=</code>');
});

it('shows the command if the server would reject the download', () => {
  const page = createIndexPage({ ...DOWNLOAD, integrity: undefined, isAllowed: false });
  expect(page).toContain('perfscope agent pack');
  expect(readCommands(page)[0]).toBe('npm install ./vendor/perfscope-agent-1.2.3.tgz');
  expect(page).not.toMatch(/curl|SHA-512/);
});

/** Runs the page's script for a link to an alert. Returns the text of the table about the alert. */
async function showAlert(
  status: number,
  body: object,
): Promise<{ url: string; texts: string[]; links: unknown[] }> {
  const texts: string[] = [];
  const links: unknown[] = [];
  const createTextElement = () => ({
    set textContent(text: string) {
      texts.push(text);
    },
    append: (link: object) => links.push({ ...link }),
  });
  const tableElement = {
    createCaption: createTextElement,
    insertRow: () => ({ insertCell: createTextElement }),
  };
  const { promise: url, resolve: setUrl } = Promise.withResolvers<string>();
  const { promise: shown, resolve: setShown } = Promise.withResolvers<void>();
  const elements: Record<string, object> = {
    alert: { replaceChildren: () => setShown() },
    key: { addEventListener: () => {} },
    state: {},
  };
  runInNewContext(INDEX_PAGE_SCRIPT, {
    Object,
    URLSearchParams,
    navigator: {},
    sessionStorage: { getItem: () => null },
    location: { search: '?alert=a%2Fb', origin: '' },
    setInterval: () => {},
    fetch: async (path: string) => {
      if (!path.includes('/alerts/')) throw new Error('not used here');
      setUrl(path);
      return { status, ok: status === 200, json: async () => body };
    },
    document: {
      createElement: (name: string) => (name === 'a' ? {} : tableElement),
      querySelectorAll: () => [],
      getElementById: (id: string) => elements[id],
    },
  });
  await shown;
  return { url: await url, texts, links };
}

it('shows the alert of a link in a message', async () => {
  const alert = {
    rule: 'response-time',
    state: 'firing',
    severity: 'critical',
    annotations: { summary: 'shop: /rooms takes 6 s on average' },
    startedAt: '2026-11-25T08:00:00.000Z',
    cause: 'average ×3.1',
    runbook: '/runbooks/response-time',
  };
  const { url, texts, links } = await showAlert(200, { alert });
  expect(url).toBe('/api/performance/alerts/a%2Fb');
  expect(texts.slice(0, 7)).toEqual([
    'shop: /rooms takes 6 s on average',
    ...['Rule', 'response-time', 'State', 'firing', 'Severity', 'critical'],
  ]);
  expect(texts.slice(-2)).toEqual(['Cause: average ×3.1', 'Runbook']);
  expect(links).toEqual([{ textContent: 'response-time', href: '/runbooks/response-time' }]);
  const missing = await showAlert(404, { detail: 'alerts/x does not exist' });
  expect(missing.texts).toEqual(['Alert: alerts/x does not exist']);
});

/** Runs the page's script with the responses of the API. Returns the texts of all tables. */
async function showMetrics(
  dashboard: object,
  endpoints: readonly object[],
): Promise<readonly string[]> {
  const texts: string[] = [];
  const { promise: shown, resolve: setShown } = Promise.withResolvers<void>();
  const append = (...items: unknown[]) => {
    for (const item of items) if (typeof item === 'string') texts.push(item);
  };
  const createTextElement = () => ({
    set textContent(text: string) {
      texts.push(text);
    },
    append,
  });
  const elements: Record<string, object> = {
    metrics: { replaceChildren: () => setShown() },
    key: { addEventListener: () => {} },
    state: {},
  };
  const none = {
    api: { slowestEndpoints: [] },
    database: { slowestOperations: [] },
    queues: [],
    systemHealth: [],
    hosts: [],
  };
  const body = { ...none, ...dashboard, endpoints };
  runInNewContext(INDEX_PAGE_SCRIPT, {
    Object,
    URLSearchParams,
    navigator: {},
    sessionStorage: { getItem: () => null },
    location: { search: '', origin: '' },
    setInterval: () => {},
    fetch: async () => ({ status: 200, ok: true, json: async () => body }),
    document: {
      createElement: () => ({
        createCaption: createTextElement,
        insertRow: () => ({ insertCell: createTextElement }),
        style: {},
        append,
      }),
      querySelectorAll: () => [],
      getElementById: (id: string) => elements[id],
    },
  });
  await shown;
  return texts;
}

it('shows the CPU and memory of each process, and of its host', async () => {
  const systemHealth = [
    { service: 'idle', status: 'healthy', processCpuUsage: 0.5, processMemory: 90 * 2 ** 20 },
  ].map((process) => ({ ...process, cpuUsage: 100, memoryUsage: 80 }));
  const texts = await showMetrics({ systemHealth }, []);
  expect(texts.slice(texts.lastIndexOf('idle'))).toEqual([
    ...['idle', 'healthy', 'CPU 0.5 %', 'memory 90 MiB'],
    ...['host CPU 100 %', 'host memory 80 %', 'host disk –'],
  ]);
});

it('shows where the time of each endpoint goes, longest part first', async () => {
  const parts = {
    databaseTime: 3,
    databaseShare: 30,
    ownTime: 6.95,
    ownShare: 69.5,
    queueTime: 0.05,
  };
  const repeatedStatement = { statement: 'SELECT a', requests: 2, average: 8, max: 9 };
  const texts = await showMetrics({}, [
    {
      group: { endpoint: '/rooms', operation: 'GET' },
      ...parts,
      queueShare: 0.5,
      repeatedStatement,
    },
    { group: { endpoint: '/old' } },
  ]);
  const start = texts.indexOf('Where the time goes') + 1;
  expect(texts.slice(start, texts.indexOf('Outgoing calls'))).toEqual(
    expect.arrayContaining(['GET /rooms', 'SELECT a (8 times per request)']),
  );
  expect(texts).toContain('Own time 7 ms, Database 3 ms');
  expect(texts.slice(start)).not.toContain(' /old');
});

it('shows each service, and the service of each endpoint and statement', async () => {
  const slowest = { count: 2, average: 12.34 };
  const texts = await showMetrics(
    {
      api: {
        slowestEndpoints: [{ name: '/fail', operation: 'GET', service: 'flask', ...slowest }],
      },
      database: { slowestOperations: [{ name: 'HGETALL', service: 'flask', ...slowest }] },
      systemHealth: [{ service: 'worker' }, { service: 'flask' }, { service: 'perfscope' }],
    },
    [{ group: { service: 'flask' }, rate: 2.5, average: 20.04, p95: 44, errorRate: 25 }],
  );
  expect(texts.slice(0, texts.indexOf('Requests'))).toEqual([
    'Services',
    ...['flask', '2.5 per second', '20 ms', 'p95 44 ms', '25 % failed'],
    ...['worker', 'no requests', '–', 'p95 –', '–'],
  ]);
  const endpoints = texts.slice(
    texts.indexOf('Slowest endpoints'),
    texts.indexOf('Where the time goes'),
  );
  expect(endpoints.slice(1)).toEqual(['GET /fail', 'flask', '12.3 ms', '2 requests']);
  const statements = texts.slice(texts.indexOf('Slowest statements'), texts.indexOf('Queues'));
  expect(statements.slice(1)).toEqual(['HGETALL', 'flask', '12.3 ms', '2 times']);
});
