import type { AlertView } from '../schema/alert-desk.ts';
import { escapeHtml } from '../schema/html.ts';
import type { LinkAction } from '../schema/notification-desk.ts';

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}
button{font:inherit;padding:.5rem 1rem}input,select{font:inherit;padding:.3rem}label{display:block;margin:1rem 0}`;

/** How long a silence can be made by a link. */
export const LINK_DURATIONS = ['1h', '4h', '24h'] as const;

const ASKS: Readonly<Record<LinkAction, string>> = {
  acknowledge: 'Acknowledge this alert?',
  silence: 'Silence this alert?',
};

/** Asks before anything is done: mail programs open links by themselves. */
export function askPage(action: LinkAction, alert: AlertView): string {
  const options = LINK_DURATIONS.map((each) => `<option>${each}</option>`).join('');
  const choice =
    action === 'silence' ? `<label>For <select name="duration">${options}</select></label>` : '';
  return pageOf(
    ASKS[action],
    `<p><strong>${escapeHtml(alert.rule)}</strong> (${escapeHtml(alert.severity)}, ${escapeHtml(alert.state)})</p>
<p>${escapeHtml(alert.annotations.summary ?? '')}</p>
<form method="post">${choice}
<label>Comment <input name="comment" maxlength="500" required></label>
<button>${action === 'silence' ? 'Silence' : 'Acknowledge'}</button></form>`,
  );
}

export function saidPage(title: string, text: string): string {
  return pageOf(title, `<p>${escapeHtml(text)}</p>`);
}

function pageOf(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title><style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>${body}</html>`;
}
