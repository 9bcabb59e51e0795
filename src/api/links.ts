import express, { type Request, type Response, Router } from 'express';
import helmet from 'helmet';
import { z } from 'zod';
import { PerfscopeError } from '../errors.ts';
import type { AlertView } from '../schema/alert-desk.ts';
import type { ReadLink } from '../schema/notification-desk.ts';
import { EVERYTHING } from '../schema/scope.ts';
import { askPage, LINK_DURATIONS, saidPage } from './link-page.ts';
import type { Parts } from './parts.ts';
import { limitRefused } from './rate-limit.ts';

const form = z.object({
  comment: z.string().trim().min(1).max(500),
  duration: z.enum(LINK_DURATIONS).default('1h'),
});

/** Nothing is loaded and nothing runs; unlike elsewhere, a server without TLS can be posted to. */
const strict = helmet({
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

const GONE = 'This link does not work any more, or never did. Look at the alert in Perfscope.';

/**
 * Links of messages, which need no key because they are signed: a GET asks, a POST acts. One that is
 * forged, or has expired, is a 404 that says nothing else.
 */
export function linkRoutes({ alerts, access, links }: Parts): Router {
  const routes = Router();
  const limit = limitRefused();
  const refuse = (request: Request, response: Response) =>
    limit(request, response, () => {
      response.status(404).type('html').send(saidPage('Not found', GONE));
    });
  routes.use('/links', strict);
  routes
    .route('/links/:token')
    .all((_request, response, next) => {
      // The address is a secret: it must not be kept, nor told to another site.
      response.set('Cache-Control', 'no-store');
      response.set('X-Robots-Tag', 'noindex');
      next();
    })
    .get(async (request, response) => {
      const link = links.read(request.params.token, Date.now());
      const alert = link && (await found(link));
      if (!link || !alert) return void refuse(request, response);
      response.type('html').send(askPage(link.action, alert));
    })
    .post(express.urlencoded({ extended: false, limit: '4kb' }), async (request, response) => {
      const link = links.read(request.params.token, Date.now());
      const alert = link && (await found(link));
      if (!link || !alert) return void refuse(request, response);
      const sent = form.safeParse(request.body);
      if (!sent.success) {
        const text = 'A comment of 1 to 500 characters is needed. Go back and add one.';
        return void response.status(400).type('html').send(saidPage('Not done', text));
      }
      const said = await act(link, alert, sent.data, request.ip);
      response.type('html').send(saidPage('Done', said));
    });
  return routes;

  async function found({ alertId }: ReadLink): Promise<AlertView | undefined> {
    try {
      return (await alerts.history(alertId, EVERYTHING)).alert;
    } catch (error) {
      if (error instanceof PerfscopeError && error.code === 'PS_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async function act(
    { action, receiver }: ReadLink,
    { id, rule, labels, state }: AlertView,
    { comment, duration }: z.output<typeof form>,
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
      alerts.acknowledge(id, comment, { author, scope: EVERYTHING });
      noted(id, {});
      return `${rule} is acknowledged.`;
    }
    const matchers = Object.entries({ ...labels, alertname: rule }).map(
      ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`,
    );
    const entry = { matchers, duration, comment };
    const made = await alerts.silence(
      entry,
      { organizationId, propertyId },
      { author, scope: EVERYTHING },
    );
    noted(made.id, { alert: id, duration });
    return `${rule} is silenced for ${duration}.`;
  }
}
