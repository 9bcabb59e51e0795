import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  Router,
} from 'express';
import type { Logger } from '../../core/log.ts';
import {
  createError,
  type ErrorCode,
  errorMessage,
  PerfscopeError,
} from '../../core/perfscope-error.ts';
import { VERSION } from '../../core/version.ts';
import type { Authenticator } from '../access/check-credentials.ts';
import type { ExternalAlertStore } from '../alerts/external/external-alert-store.ts';
import { parsePostedAlerts } from '../alerts/external/parse-posted-alerts.ts';
import { authenticate } from './middleware/authentication-middleware.ts';
import { getCaller, requireWritePermission } from './middleware/authorization-middleware.ts';
import { limitOrganizationRequests, limitRequests } from './middleware/rate-limit-middleware.ts';

export interface AlertmanagerRouterOptions {
  readonly authenticate: Authenticator;
  readonly externalAlerts: Pick<ExternalAlertStore, 'receive'>;
  readonly maxRequestsPerMinute: number;
  readonly log: Logger;
}

const MAX_BODY = '4mb';
const RETRY_AFTER_S = 5;
const PATH = '/api/v2/alerts';
const ALLOWED_METHODS = 'POST, OPTIONS';
const LIST_ADVICE =
  'To list alerts, use GET /api/performance/alerts or the command `npx perfscope alerts`.';
/** Advice for other parts of Alertmanager's API, by the first part of the path. */
const ADVICE: Readonly<Record<string, string>> = {
  silences: 'To manage silences, use /api/performance/silences.',
  silence: 'To manage silences, use /api/performance/silences.',
  receivers: 'To list receivers, use GET /api/performance/receivers.',
  alerts: LIST_ADVICE,
};
const SUPPORTED =
  "Of Alertmanager's API, Perfscope supports only POST /api/v2/alerts and GET /api/v2/status.";
const V1_ADVICE = 'Set `api_version: v2` in the `alertmanagers` of the Prometheus configuration.';

const STATUS_BY_ERROR_CODE: Partial<Record<ErrorCode, number>> = {
  PS_REQUEST_INVALID: 400,
  PS_UNAUTHENTICATED: 401,
  PS_FORBIDDEN: 403,
  PS_KEY_REQUIRED: 403,
  PS_NOT_FOUND: 404,
  PS_METHOD_NOT_ALLOWED: 405,
  PS_QUOTA_REACHED: 429,
  PS_TOO_MANY_REQUESTS: 429,
  PS_UNAVAILABLE: 503,
};

/**
 * Creates the routes `/api/v2/alerts` and `/api/v2/status` of Alertmanager's API, for Prometheus,
 * vmalert, and Grafana (https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml).
 * Requires the permission `ingest`. All other paths of this API return 404 with the supported paths. As in Alertmanager, the body of an error is a JSON string.
 */
export function createAlertmanagerRouter(options: AlertmanagerRouterOptions): Router {
  const { externalAlerts, maxRequestsPerMinute, log } = options;
  const routes = Router();
  const callerHandlers = [
    acceptBasicAuthorization,
    authenticate(options.authenticate, undefined, 'INGEST'),
    requireWritePermission('ingest'),
    limitRequests(maxRequestsPerMinute),
    limitOrganizationRequests(maxRequestsPerMinute),
  ];
  const parseJson = express.json({ limit: MAX_BODY, type: () => true, strict: false });
  routes
    .route(PATH)
    .all(requirePost)
    .post(...callerHandlers, parseJson, (request, response) => {
      const { organizationId } = getCaller(response).principal;
      const { alerts, problems } = parseBody(request, organizationId);
      externalAlerts.receive(alerts);
      if (problems.length > 0) {
        throw createError('PS_REQUEST_INVALID', { reason: problems.join('; ') });
      }
      response.set('Cache-Control', 'no-store').status(200).end();
    });
  routes.get('/api/v2/status', ...callerHandlers, (_request, response) => {
    response.set('Cache-Control', 'no-store').json({
      cluster: { status: 'disabled', peers: [] },
      versionInfo: {
        version: VERSION,
        branch: '',
        buildDate: '',
        buildUser: '',
        goVersion: '',
        revision: '',
      },
      config: { original: '' },
      uptime: new Date(Date.now() - 1000 * process.uptime()).toISOString(),
    });
  });
  routes.use(['/api/v1/alerts', '/api/v2'], rejectPath);
  routes.use(['/api/v1/alerts', '/api/v2'], createErrorHandler(log));
  return routes;
}

function parseBody({ body }: Request, organizationId: string | undefined) {
  try {
    return parsePostedAlerts(body, organizationId);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw createError('PS_REQUEST_INVALID', { reason: error.message });
  }
}

const requirePost: RequestHandler = (request, response, next) => {
  if (request.method === 'POST') return next();
  response.set('Allow', ALLOWED_METHODS);
  if (request.method === 'OPTIONS') return void response.status(204).end();
  const method = request.method.slice(0, 20);
  throw createError('PS_METHOD_NOT_ALLOWED', {
    ...{ method, path: PATH, allowed: ALLOWED_METHODS },
    advice: method === 'GET' || method === 'HEAD' ? LIST_ADVICE : undefined,
  });
};

/** Explains to `amtool`, Grafana, and old versions of Prometheus which paths exist. */
const rejectPath: RequestHandler = ({ baseUrl, path }) => {
  const [, part = ''] = path.split('/');
  const advice = Object.hasOwn(ADVICE, part) ? ` ${ADVICE[part]}` : '';
  throw createError('PS_NOT_FOUND', {
    path: `${baseUrl}${path}`.replace(/\/$/, '').slice(0, 100),
    advice: baseUrl.startsWith('/api/v1') ? V1_ADVICE : `${SUPPORTED}${advice}`,
  });
};

const BASIC = 'basic ';

/** Prometheus also supports `basic_auth`. The password is the API key, and the user name is ignored. */
const acceptBasicAuthorization: RequestHandler = (request, _response, next) => {
  const { headers } = request;
  const authorization = headers.authorization ?? '';
  const isBasic = authorization.slice(0, BASIC.length).toLowerCase() === BASIC;
  if (isBasic && headers['x-api-key'] === undefined) {
    const pair = Buffer.from(authorization.slice(BASIC.length), 'base64').toString();
    const password = pair.slice(pair.indexOf(':') + 1);
    if (password !== '') headers['x-api-key'] = password;
  }
  next();
};

function createErrorHandler(log: Logger): ErrorRequestHandler {
  return (thrown, _request, response, next) => {
    if (response.headersSent) return next(thrown);
    const known = thrown instanceof PerfscopeError ? thrown : toBodyError(thrown);
    const status =
      known instanceof PerfscopeError ? STATUS_BY_ERROR_CODE[known.code] : known?.status;
    if (known === undefined || status === undefined) {
      log.error(`A request with alerts failed: ${errorMessage(thrown)}`);
      return void response
        .status(500)
        .json('The server had an internal error. See the server log.');
    }
    if (status === 429 || status === 503) response.set('Retry-After', String(RETRY_AFTER_S));
    response.set('Cache-Control', 'no-store').status(status).json(known.message);
  };
}

/** Describes an error of Express, for example about invalid JSON. Its own text can quote the body. */
function toBodyError(thrown: unknown): { status: number; message: string } | undefined {
  const status = Number((thrown as { status?: unknown } | undefined)?.status);
  if (status === 413)
    return { status, message: `The body is larger than ${MAX_BODY}. Send fewer alerts.` };
  if (status >= 400 && status < 500) return { status, message: 'The body must be valid JSON.' };
  return undefined;
}
