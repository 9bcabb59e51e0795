import { readFileSync } from 'node:fs';
import { Router } from 'express';
import { escapeHtml } from '../../core/format.ts';
import { createError } from '../../core/perfscope-error.ts';
import { formatPath } from './problem-details.ts';

/** The built-in rules refer to sections of this file. */
const ALERTS_DOC = new URL('../../../docs/alerts.md', import.meta.url);

const RUNBOOK_PAGE_STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}';

/**
 * Creates the route for the runbooks of the built-in rules. Messages link to it. It needs no API key,
 * because the texts are public.
 */
export function createRunbookRouter(): Router {
  const routes = Router();
  routes.get('/runbooks/:name', (request, response) => {
    const { name } = request.params;
    const section = findSection(readFileSync(ALERTS_DOC, 'utf8'), name);
    if (!section) throw createError('PS_NOT_FOUND', { path: formatPath(request) });
    response.type('html').send(renderRunbook(section));
  });
  return routes;
}

interface RunbookSection {
  readonly title: string;
  /** Markdown. */
  readonly text: string;
}

/** Returns the section of a Markdown document with this anchor, or `undefined`. */
export function findSection(markdown: string, anchor: string): RunbookSection | undefined {
  for (const section of markdown.split(/^#+ /m).slice(1)) {
    const [title = '', ...lines] = section.split('\n');
    if (title.toLowerCase().replaceAll(' ', '-') === anchor) {
      return { title, text: lines.join('\n').trim() };
    }
  }
  return undefined;
}

/** Renders paragraphs, lists, and code spans. Links to other documents become text. */
export function renderRunbook({ title, text }: RunbookSection): string {
  const blocks = text.split(/\n{2,}/).map((block) => {
    const isList = block.startsWith('- ');
    if (!isList) return `<p>${renderInline(block)}</p>`;
    const items = block.slice(2).split('\n- ');
    return `<ul>${items.map((item) => `<li>${renderInline(item)}</li>`).join('')}</ul>`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>${RUNBOOK_PAGE_STYLE}</style>
<h1>${escapeHtml(title)}</h1>
${blocks.join('\n')}</html>`;
}

function renderInline(markdown: string): string {
  return escapeHtml(markdown)
    .replaceAll(/\[([^[\]]+)\]\([^()]*\)/g, '$1')
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}
