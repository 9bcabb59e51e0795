import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PerfscopeClient } from '../../src/client/perfscope-client.ts';
import { createKey } from '../support/create-key.ts';
import { openBrowser } from '../support/open-browser.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { ALPHA, addTenantRows } from '../support/two-tenants.ts';
import { waitFor } from '../support/wait-for.ts';
import { WebPage } from '../support/web-page.ts';
import { writeRows } from '../support/write-rows.ts';

const PNG_SIGNATURE = '89504e470d0a1a0a';

const server = new PerfscopeServer();
let browser: Browser;
let key: string;
let client: PerfscopeClient;

beforeAll(async () => {
  [browser] = await Promise.all([openBrowser(), server.start()]);
  key = await createKey(server, 'ADMIN');
  client = new PerfscopeClient({ url: server.url, key });
  await writeRows(server, (add) => addTenantRows(add, ALPHA, Date.now()));
});
afterAll(async () => {
  await browser.close();
  await server.remove();
});

/** Opens a view as an administrator, and checks at the end that nothing has failed in the page. */
async function withView(path: string, use: (page: Page, view: WebPage) => Promise<void>) {
  const view = await WebPage.open(browser, { url: server.url, key });
  try {
    await view.goto(path);
    await use(view.page, view);
    expect(view.problems).toEqual([]);
  } finally {
    await view.close();
  }
}

it('creates a key, shows it once, and revokes it', async () => {
  await withView('/keys', async (page) => {
    await page.getByRole('button', { name: 'Create a key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('grafana');
    await dialog
      .getByRole('textbox', { name: 'Organization', exact: true })
      .fill(ALPHA.organizationId);
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByText('Copy the key now').waitFor();
    const created = (await dialog.locator('pre').textContent())!.trim();
    const viewer = new PerfscopeClient({ url: server.url, key: created });
    expect(await viewer.get('me')).toMatchObject({
      role: 'VIEWER',
      organizationId: ALPHA.organizationId,
    });
    await dialog.getByRole('button', { name: 'I have copied the key' }).click();
    expect(await page.locator('body').textContent()).not.toContain(created);

    await page.getByRole('button', { name: 'Revoke the key grafana' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke the key' }).click();
    await page.getByRole('row', { name: /grafana.*revoked/ }).waitFor();
    await waitFor(() =>
      viewer.get('me').then(
        () => false,
        (error) => error.status === 401,
      ),
    );
  });
});

it('keeps the input and shows the reason if the server rejects it', async () => {
  await withView('/people', async (page, view) => {
    await page.getByRole('button', { name: 'Add a person' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Ann');
    await dialog.getByLabel('Email').fill('not an address');
    await dialog.getByRole('button', { name: 'Add' }).click();
    expect(await dialog.getByRole('alert').textContent()).toContain('email');
    expect(await dialog.getByLabel('Name').inputValue()).toBe('Ann');
    // Chromium reports the rejected request.
    expect(view.problems.splice(0)).toEqual([expect.stringContaining('400')]);
  });
});

it('adds a person who receives a sample alert, and removes the person', async () => {
  await withView('/people', async (page) => {
    await page.getByRole('button', { name: 'Add a person' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Ann');
    await dialog.getByLabel('User').fill('token:ann');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('row', { name: /Ann/ }).waitFor();
    expect((await client.get('people')).people.map(({ name }) => name)).toEqual(['Ann']);

    await page.getByRole('button', { name: 'Test the receiver' }).first().click();
    await dialog.getByRole('button', { name: 'Send sample alert' }).click();
    await dialog.getByText('All messages were delivered').waitFor();
    await page.keyboard.press('Escape');

    await page.getByRole('button', { name: 'Remove Ann' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByText('No people').waitFor();
    expect((await client.get('people')).people).toEqual([]);
  });
});

it('saves the points of a chart as CSV, and the chart as an image', async () => {
  await withView('/explore?aggregate=count&groupBy=service', async (page) => {
    const save = async (name: string) => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name, exact: true }).click(),
      ]);
      return { name: download.suggestedFilename(), path: await download.path() };
    };
    const csv = await save('CSV');
    expect(csv.name).toMatch(/^perfscope-.*\.csv$/);
    const [header, ...lines] = readFileSync(csv.path, 'utf8').trim().split('\n');
    expect(header).toContain('service');
    expect(lines.join()).toContain(`${ALPHA.mark}-service`);
    const image = await save('PNG');
    expect(image.name).toMatch(/^perfscope-.*\.png$/);
    expect(readFileSync(image.path).subarray(0, 8).toString('hex')).toBe(PNG_SIGNATURE);
  });
});

it('finds services and views with the keyboard alone', async () => {
  await withView('/', async (page) => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type(`${ALPHA.mark}-serv`);
    await page
      .getByRole('option', { name: `${ALPHA.mark}-service` })
      .first()
      .waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/service?service=${ALPHA.mark}-service**`);
    await page.keyboard.press('Control+k');
    await page.keyboard.type('retention');
    await page.getByRole('option', { name: 'Retention' }).first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/storage**');
    // The first stop of the keyboard skips the navigation.
    await page.reload();
    await page.getByRole('main').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.localName')).toBe('main');
    expect(new URL(page.url()).pathname).toBe('/storage');
  });
});

it('counts firing alerts and unread messages in the navigation of views that send no requests', async () => {
  const view = await WebPage.open(browser, { url: server.url, key });
  const names = new Set<string | undefined>();
  view.page.on('request', (request) => names.add(new URL(request.url()).pathname.split('/').pop()));
  try {
    await view.goto('/no-such-view');
    await view.page.getByText('There is no such view').waitFor();
    await waitFor(async () => names.has('alerts') && names.has('notifications'));
  } finally {
    await view.close();
  }
});
