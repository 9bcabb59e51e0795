import { expect, it } from 'vitest';
import {
  findAlertmanagerFailure,
  findPagerdutyFailure,
  findSlackFailure,
  findTeamsFailure,
  findTwilioFailure,
} from '../../../../src/server/notifications/outgoing-http/response-failures.ts';

const PROXY_PAGE = '<html><title>Sign in</title></html>';
const TEAMS_ERROR =
  'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error';

/** The channel, the body of a 2xx response, and the outcome. */
const CASES: readonly [(body: string) => object | undefined, string, string][] = [
  [findTeamsFailure, '', 'delivered'],
  [findTeamsFailure, '1', 'delivered'],
  [findTeamsFailure, `${TEAMS_ERROR} 429 with ContextId tcid=0`, 'temporary'],
  [findTeamsFailure, `${TEAMS_ERROR} 503 with ContextId tcid=0`, 'temporary'],
  [findTeamsFailure, `${TEAMS_ERROR} 413 with ContextId tcid=0`, 'permanent'],
  [findTeamsFailure, 'Summary or Text is required.', 'permanent'],
  [findTeamsFailure, '{"error":{"code":"WorkflowDisabled"}}', 'permanent'],
  [findTeamsFailure, PROXY_PAGE, 'permanent'],
  [findSlackFailure, 'ok', 'delivered'],
  [findSlackFailure, '', 'delivered'],
  [findSlackFailure, '{"ok":true}', 'delivered'],
  [findSlackFailure, '{"success":true}', 'delivered'],
  [findSlackFailure, 'invalid_payload', 'permanent'],
  [findSlackFailure, '{"ok":false,"error":"channel_not_found"}', 'permanent'],
  [findSlackFailure, '{"ok":false,"error":"ratelimited"}', 'temporary'],
  [findSlackFailure, PROXY_PAGE, 'permanent'],
  [findPagerdutyFailure, '{"status":"success","dedup_key":"x"}', 'delivered'],
  [findPagerdutyFailure, '{"status":"invalid event","errors":["x"]}', 'permanent'],
  [findPagerdutyFailure, '{"status":"throttle exceeded"}', 'temporary'],
  [findPagerdutyFailure, PROXY_PAGE, 'temporary'],
  [findTwilioFailure, '{"sid":"SM1","status":"queued","error_code":null}', 'delivered'],
  [findTwilioFailure, '{"sid":"SM1","status":"failed","error_code":30003}', 'permanent'],
  [findTwilioFailure, '{"code":21610,"message":"unsubscribed","status":400}', 'permanent'],
  [findTwilioFailure, '{"code":20429,"message":"too many","status":429}', 'temporary'],
  [findTwilioFailure, '{"error":"no credit"}', 'permanent'],
  [findTwilioFailure, PROXY_PAGE, 'permanent'],
  [findAlertmanagerFailure, '', 'delivered'],
  [findAlertmanagerFailure, '{"status":"success"}', 'delivered'],
  [findAlertmanagerFailure, '{"status":"error"}', 'temporary'],
  [findAlertmanagerFailure, PROXY_PAGE, 'temporary'],
];

it.each(CASES)('%o: %s is %s', (findFailure, body, expected) => {
  const failure = findFailure(body) as { isTemporary: boolean } | undefined;
  const outcome = failure ? (failure.isTemporary ? 'temporary' : 'permanent') : 'delivered';
  expect(outcome).toBe(expected);
});
