import express, { type Request, type Response, Router } from 'express';
import helmet from 'helmet';
import { z } from 'zod';
import { escapeHtml } from '../../core/format.ts';
import { PerfscopeError } from '../../core/perfscope-error.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import type { AlertView } from '../alerts/service/alert-views.ts';
import type { LinkAction, VerifiedLink } from '../notifications/notification-views.ts';
import type { EndpointDependencies } from './endpoint-definition.ts';
import { limitRejectedRequests } from './middleware/rate-limit-middleware.ts';

const LINK_PAGE_STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}
button{font:inherit;padding:.5rem 1rem}input,select{font:inherit;padding:.3rem}label{display:block;margin:1rem 0}`;

/** Silence durations offered on a link's confirmation page. */
const LINK_DURATIONS = ['1h', '4h', '24h'] as const;

const CONFIRMATION_TITLES: Readonly<Record<LinkAction, string>> = {
  acknowledge: 'Acknowledge this alert?',
  silence: 'Silence this alert?',
};

const linkFormSchema = z.object({
  comment: z.string().trim().min(1).max(500),
  duration: z.enum(LINK_DURATIONS).default('1h'),
});

/** Blocks scripts and external content. Helmet's defaults would block the form on a server without TLS. */
const linkSecurityHeaders = helmet({
  strictTransportSecurity: false,
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'unsafe-inline'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
});

const INVALID_LINK_TEXT =
  'This link is invalid or has expired. Open the alert in Perfscope instead.';

/**
 * Creates the routes for links in notifications. They need no API key, because they are signed. GET
 * shows a confirmation page, and POST runs the action. Forged and expired links get the same 404
 * response.
 */
export function createLinkRouter({ alerts, access, links }: EndpointDependencies): Router {
  const routes = Router();
  const limit = limitRejectedRequests();
  const reject = (request: Request, response: Response) =>
    limit(request, response, () => {
      response.status(404).type('html').send(renderResultPage('Not found', INVALID_LINK_TEXT));
    });
  routes.use('/links', linkSecurityHeaders);
  routes
    .route('/links/:token')
    .all((_request, response, next) => {
      // The URL is a secret, so it must not be cached or indexed.
      response.set('Cache-Control', 'no-store');
      response.set('X-Robots-Tag', 'noindex');
      next();
    })
    .get(async (request, response) => {
      const link = links.verify(request.params.token, Date.now());
      const alert = link && (await findAlert(link));
      if (!link || !alert) return void reject(request, response);
      response.type('html').send(renderConfirmationPage(link.action, alert));
    })
    .post(express.urlencoded({ extended: false, limit: '4kb' }), async (request, response) => {
      const link = links.verify(request.params.token, Date.now());
      const alert = link && (await findAlert(link));
      if (!link || !alert) return void reject(request, response);
      const form = linkFormSchema.safeParse(request.body);
      if (!form.success) {
        const text = 'Enter a comment of 1 to 500 characters. Go back and try again.';
        return void response
          .status(400)
          .type('html')
          .send(renderResultPage('Comment required', text));
      }
      const result = await runAction(link, alert, form.data, request.ip);
      response.type('html').send(renderResultPage('Done', result));
    });
  return routes;

  async function findAlert({ alertId }: VerifiedLink): Promise<AlertView | undefined> {
    try {
      return (await alerts.getHistory(alertId, UNRESTRICTED_SCOPE)).alert;
    } catch (error) {
      if (error instanceof PerfscopeError && error.code === 'PS_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async function runAction(
    { action, receiver }: VerifiedLink,
    { id, rule, labels, state }: AlertView,
    { comment, duration }: z.output<typeof linkFormSchema>,
    address: string | undefined,
  ): Promise<string> {
    const { organization: organizationId, property: propertyId } = labels;
    const author = `link:${receiver}`;
    const tenant = { organizationId, propertyId };
    const audit = (object: string, detail: object) =>
      access.audit({
        author,
        address,
        ...tenant,
        action: `link.${action}`,
        object,
        detail: { rule, comment, ...detail },
      });
    if (action === 'acknowledge') {
      if (state !== 'firing')
        return `The alert ${rule} has already stopped firing or was acknowledged.`;
      alerts.acknowledge(id, comment, { author, scope: UNRESTRICTED_SCOPE });
      audit(id, {});
      return `The alert ${rule} is acknowledged.`;
    }
    const matchers = Object.entries({ ...labels, alertname: rule }).map(
      ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`,
    );
    const silence = await alerts.createSilence({ matchers, duration, comment }, tenant, {
      author,
      scope: UNRESTRICTED_SCOPE,
    });
    audit(silence.id, { alert: id, duration });
    const end = silence.endsAt === undefined ? '' : `, until ${formatUtc(silence.endsAt)}`;
    return `The alert ${rule} is silenced for ${duration}${end}.`;
  }
}

/** Renders the confirmation page, which is necessary because mail programs open links automatically. */
function renderConfirmationPage(action: LinkAction, alert: AlertView): string {
  const options = LINK_DURATIONS.map((duration) => `<option>${duration}</option>`).join('');
  const durationField =
    action === 'silence'
      ? `<label>Duration <select name="duration">${options}</select></label>`
      : '';
  return renderPage(
    CONFIRMATION_TITLES[action],
    `<p><strong>${escapeHtml(alert.rule)}</strong> (${escapeHtml(alert.severity)}, ${escapeHtml(alert.state)})</p>
<p>${escapeHtml(alert.annotations.summary ?? '')}</p>
<form method="post">${durationField}
<label>Comment <input name="comment" maxlength="500" required></label>
<button>${action === 'silence' ? 'Silence' : 'Acknowledge'}</button></form>`,
  );
}

/** Formats a time with its zone: `25 Nov 2026, 09:00 UTC`. */
function formatUtc(time: Date): string {
  const options = { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' } as const;
  return `${new Intl.DateTimeFormat('en-GB', options).format(time)} UTC`;
}

function renderResultPage(title: string, text: string): string {
  return renderPage(title, `<p>${escapeHtml(text)}</p>`);
}

function renderPage(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title><style>${LINK_PAGE_STYLE}</style>
<h1>${escapeHtml(title)}</h1>${body}</html>`;
}
