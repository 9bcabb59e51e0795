import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import express from 'express';
import { expect, it } from 'vitest';
import { createErrorHandler } from '../../../../src/server/api/problem-details.ts';
import {
  createRunbookRouter,
  findSection,
  renderRunbook,
} from '../../../../src/server/api/runbook-router.ts';
import { loadTestRules } from '../../../support/alert-rule-fixtures.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

const ALERTS_DOC = readFileSync('docs/alerts.md', 'utf8');

it('finds the section of every built-in rule', () => {
  for (const { name, runbook = '' } of loadTestRules('').rules) {
    const section = findSection(ALERTS_DOC, runbook.slice(1));
    expect(section?.text.length, name).toBeGreaterThan(20);
    expect(renderRunbook(section!)).not.toMatch(/\]\(|`/);
  }
  expect(findSection(ALERTS_DOC, 'unknown')).toBeUndefined();
});

it('renders paragraphs, lists, and code, and escapes HTML', () => {
  const section = findSection(
    '# A\n\n## Slow <b>\n\nRun `x <y>`, see [docs](a.md).\n\n- one\n- two\n\n## Z\n',
    'slow-<b>',
  );
  const html = renderRunbook(section!);
  expect(html).toContain('<h1>Slow &lt;b&gt;</h1>');
  expect(html).toContain('<p>Run <code>x &lt;y&gt;</code>, see docs.</p>');
  expect(html).toContain('<ul><li>one</li><li>two</li></ul></html>');
});

it('returns the path of an unknown runbook', async () => {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const server = createServer(express().use(createRunbookRouter(), createErrorHandler(log)));
  try {
    const url = `http://127.0.0.1:${await listenOnFreePort(server)}/runbooks/nope`;
    const response = await fetch(url);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      detail: '/runbooks/nope does not exist. See /api/openapi.json for all endpoints.',
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
