import express, { type Request, type Response, Router } from 'express';
import helmet from 'helmet';
import { z } from 'zod';
import { PerfscopeError } from '../../core/errors.ts';
import { escapeHtml } from '../../core/format.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import type { AlertView } from '../alerts/service/alert-views.ts';
import type { LinkAction, VerifiedLink } from '../notifications/notification-views.ts';
import type { EndpointDependencies } from './endpoint-definition.ts';
import { limitRejectedRequests } from './middleware/rate-limit-middleware.ts';

const LINK_PAGE_STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}
button{font:inherit;padding:.5rem 1rem}input,select{font:inherit;padding:.3rem}label{display:block;margin:1rem 0}`;

/** How long a silence can be made by a link. */
const LINK_DURATIONS = ['1h', '4h', '24h'] as const;

const CONFIRMATION_TITLES: Readonly<Record<LinkAction, string>> = {
  acknowledge: 'Acknowledge this alert?',
  silence: 'Silence this alert?',
};

/** Asks before anything is done: mail programs open links by themselves. */
function renderConfirmationPage(action: LinkAction, alert: AlertView): string {
  const options = LINK_DURATIONS.map((each) => `<option>${each}</option>`).join('');
  const choice =
    action === 'silence' ? `<label>For <select name="duration">${options}</select></label>` : '';
  return renderPage(
    CONFIRMATION_TITLES[action],
    `<p><strong>${escapeHtml(alert.rule)}</strong> (${escapeHtml(alert.severity)}, ${escapeHtml(alert.state)})</p>
<p>${escapeHtml(alert.annotations.summary ?? '')}</p>
<form method="post">${choice}
<label>Comment <input name="comment" maxlength="500" required></label>
<button>${action === 'silence' ? 'Silence' : 'Acknowledge'}</button></form>`,
  );
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

const linkFormSchema = z.object({
  comment: z.string().trim().min(1).max(500),
  duration: z.enum(LINK_DURATIONS).default('1h'),
});

/** Nothing is loaded and nothing runs; unlike elsewhere, a server without TLS can be posted to. */
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
  'This link does not work any more, or never did. Look at the alert in Perfscope.';

/**
 * Links of messages, which need no key because they are signed: a GET asks, a POST acts. One that is
 * forged, or has expired, is a 404 that says nothing else.
 */
export function createLinkRouter({ alerts, access, links }: EndpointDependencies): Router {
  const routes = Router();
  const limit = limitRejectedRequests();
  const refuse = (request: Request, response: Response) =>
    limit(request, response, () => {
      response.status(404).type('html').send(renderResultPage('Not found', INVALID_LINK_TEXT));
    });
  routes.use('/links', linkSecurityHeaders);
  routes
    .route('/links/:token')
    .all((_request, response, next) => {
      // The address is a secret: it must not be kept, nor told to another site.
      response.set('Cache-Control', 'no-store');
      response.set('X-Robots-Tag', 'noindex');
      next();
    })
    .get(async (request, response) => {
      const link = links.verify(request.params.token, Date.now());
      const alert = link && (await found(link));
      if (!link || !alert) return void refuse(request, response);
      response.type('html').send(renderConfirmationPage(link.action, alert));
    })
    .post(express.urlencoded({ extended: false, limit: '4kb' }), async (request, response) => {
      const link = links.verify(request.params.token, Date.now());
      const alert = link && (await found(link));
      if (!link || !alert) return void refuse(request, response);
      const sent = linkFormSchema.safeParse(request.body);
      if (!sent.success) {
        const text = 'A comment of 1 to 500 characters is needed. Go back and add one.';
        return void response.status(400).type('html').send(renderResultPage('Not done', text));
      }
      const said = await act(link, alert, sent.data, request.ip);
      response.type('html').send(renderResultPage('Done', said));
    });
  return routes;

  async function found({ alertId }: VerifiedLink): Promise<AlertView | undefined> {
    try {
      return (await alerts.getHistory(alertId, UNRESTRICTED_SCOPE)).alert;
    } catch (error) {
      if (error instanceof PerfscopeError && error.code === 'PS_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async function act(
    { action, receiver }: VerifiedLink,
    { id, rule, labels, state }: AlertView,
    { comment, duration }: z.output<typeof linkFormSchema>,
    address: string | undefined,
  ): Promise<string> {
    const { organization: organizationId, property: propertyId } = labels;
    const author = `link:${receiver}`;
    const noted = (object: string, detail: object) => {
      const tenant = { organizationId, propertyId };
      const what = { action: `link.${action}`, object, detail: { rule, comment, ...detail } };
      access.audit({ author, address, ...tenant, ...what });
    };
    if (action === 'acknowledge') {
      if (state !== 'firing') return `${rule} does not wait for anybody any more.`;
      alerts.acknowledge(id, comment, { author, scope: UNRESTRICTED_SCOPE });
      noted(id, {});
      return `${rule} is acknowledged.`;
    }
    const matchers = Object.entries({ ...labels, alertname: rule }).map(
      ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`,
    );
    const entry = { matchers, duration, comment };
    const made = await alerts.createSilence(
      entry,
      { organizationId, propertyId },
      { author, scope: UNRESTRICTED_SCOPE },
    );
    noted(made.id, { alert: id, duration });
    return `${rule} is silenced for ${duration}.`;
  }
}
