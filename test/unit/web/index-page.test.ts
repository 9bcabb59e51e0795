import { expect, it } from 'vitest';
import { createIndexPage } from '../../../src/web/index-page.ts';

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
