import { escapeHtml } from '../../schema/html.ts';
import type { Told, ToldLines } from './told.ts';

const PAGE = 'font-family:sans-serif;max-width:40em;line-height:1.4';

/** A mail's HTML: nothing is loaded from elsewhere. */
export function htmlOf(told: Told): string {
  return [
    `<!doctype html><html><head><meta charset="utf-8"><title>${escapeHtml(told.title)}</title></head>`,
    `<body style="${PAGE}"><h2>${escapeHtml(told.title)}</h2>`,
    told.note === undefined ? '' : `<p><em>${escapeHtml(told.note)}</em></p>`,
    ...told.alerts.map(alertHtml),
    told.omitted > 0 ? `<p>And ${told.omitted} more.</p>` : '',
    '</body></html>',
  ].join('\n');
}

function alertHtml({ heading, summary, facts, links }: ToldLines): string {
  const rows = facts.map(
    ([name, value]) => `<li><strong>${name}:</strong> ${escapeHtml(value)}</li>`,
  );
  const shown = links.map(({ text, url }) => `<a href="${escapeHtml(url)}">${text}</a>`);
  return [
    `<h3>${escapeHtml(heading)}</h3><p>${escapeHtml(summary)}</p><ul>${rows.join('')}</ul>`,
    shown.length > 0 ? `<p>${shown.join(' · ')}</p>` : '',
  ].join('');
}
