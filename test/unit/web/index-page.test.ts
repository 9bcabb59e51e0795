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
