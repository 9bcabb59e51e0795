import { isTemporaryStatus, type ResponseFailure } from './http-delivery.ts';

const PERMANENT: ResponseFailure = { isTemporary: false };
const TEMPORARY: ResponseFailure = { isTemporary: true };

/**
 * Finds a failure in Slack's response. Incoming webhooks return `ok`. Compatible services return
 * nothing, or JSON such as `{"ok":true}`. Any other text is an error such as `invalid_payload`, or a
 * page of a proxy.
 */
export function findSlackFailure(body: string): ResponseFailure | undefined {
  const text = body.trim();
  if (text === '' || text.toLowerCase() === 'ok') return undefined;
  const { ok, success, error } = parseJsonObject(text) ?? {};
  if ((ok === true || success === true) && error === undefined) return undefined;
  return /rate_?limited/i.test(text) ? TEMPORARY : PERMANENT;
}

/** Matches the HTTP status in the error text of a Teams connector. */
const TEAMS_STATUS = /HTTP error (\d{3})/i;

/**
 * Finds a failure in the response of Microsoft Teams. Workflows return 202 without text, and
 * connectors return `1`. For a failure, connectors return 200 with a text such as `Webhook message
 * delivery failed with error: Microsoft Teams endpoint returned HTTP error 429`.
 */
export function findTeamsFailure(body: string): ResponseFailure | undefined {
  const text = body.trim();
  if (text === '' || text === '1') return undefined;
  const json = parseJsonObject(text);
  if (json && json.error === undefined) return undefined;
  const status = TEAMS_STATUS.exec(text)?.[1];
  const isTemporary = status === undefined ? /throttl/i.test(text) : isTemporaryStatus(+status);
  return { isTemporary };
}

/**
 * Finds a failure in PagerDuty's response, which contains a `status`. A retry is safe, because all
 * attempts have the same `dedup_key`.
 */
export function findPagerdutyFailure(body: string): ResponseFailure | undefined {
  const json = parseJsonObject(body);
  // A response without JSON is from a proxy.
  if (!json) return body.trim() === '' ? undefined : TEMPORARY;
  const { status } = json;
  if (status === undefined || status === 'success') return undefined;
  return status === 'invalid event' ? PERMANENT : TEMPORARY;
}

/** States of a Twilio message that will not be sent. */
const FAILED_SMS_STATES: ReadonlySet<unknown> = new Set(['failed', 'undelivered', 'canceled']);

/** Finds a failure in Twilio's response: an error code, or a message that will not be sent. */
export function findTwilioFailure(body: string): ResponseFailure | undefined {
  const json = parseJsonObject(body);
  if (!json) return body.trim() === '' ? undefined : PERMANENT;
  const { status, error_code: errorCode, code, error } = json;
  if (typeof status === 'number' && status >= 400) {
    return { isTemporary: isTemporaryStatus(status) };
  }
  const hasError = [errorCode, code, error].some((each) => each !== undefined && each !== null);
  return hasError || FAILED_SMS_STATES.has(status) ? PERMANENT : undefined;
}

/**
 * Finds a failure in Alertmanager's response, which has no text. Any other text is from a proxy. A
 * retry is safe, because Alertmanager identifies an alert by its labels.
 */
export function findAlertmanagerFailure(body: string): ResponseFailure | undefined {
  const text = body.trim();
  const isAccepted = text === '' || parseJsonObject(text)?.status === 'success';
  return isAccepted ? undefined : TEMPORARY;
}

function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
