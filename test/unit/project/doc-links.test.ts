import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findBrokenLinks } from '../../support/doc-links.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-links-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('each internal link of a document leads to a file and a heading that exist', () => {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'];
  const files = execFileSync('git', args, { encoding: 'utf8' }).split('\n').filter(Boolean);
  expect(files.length).toBeGreaterThan(20);
  expect(files.flatMap(findBrokenLinks)).toEqual([]);
});

it('finds missing files, missing headings, and missing pictures', () => {
  const file = join(folder, 'page.md');
  mkdirSync(join(folder, 'guide'));
  writeFileSync(join(folder, 'guide', 'README.md'), '# Guide\n\n## First steps\n');
  const links = [
    '[a](guide/README.md#first-steps)',
    '[b](guide#first-steps)',
    '[c](#a-b_c--1)',
    '[d](https://example.com/missing)',
    '[e](missing.md)',
    '[f](guide/README.md#second-steps)',
    '[g](#missing)',
    '<img src="missing.png" alt="">',
    '![h](missing.png)',
    '`[i](in-code.md)`',
  ];
  writeFileSync(file, `# A \`b_c\`, (1)\n\n${links.map((link) => `- ${link}`).join('\n')}\n`);
  const urls = findBrokenLinks(file).map((line) => line.slice(line.lastIndexOf(' ') + 1));
  expect(urls).toEqual([
    '#a-b_c--1',
    'missing.md',
    'guide/README.md#second-steps',
    '#missing',
    'missing.png',
    'missing.png',
  ]);
});
