import { reasonOf } from '../../errors.ts';
import type { Outcome } from '../channel.ts';
import { RefusedAddress } from './lookup.ts';
import { parseRetryAfter } from './retry-after.ts';
import { type Answer, RefusedRedirect } from './send.ts';
import { showable } from './showable.ts';

/** Failures of encryption that no further attempt mends: another host, or somebody unknown. */
const UNTRUSTED =
  /^(ERR_TLS_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED|CERT_REVOKED|EPROTO)/;

/** What an answer says about one attempt. @param secrets what must not be shown */
export function outcomeOfAnswer(
  answer: Answer,
  origin: string,
  secrets: readonly string[],
  nowMs: number,
): Outcome {
  const { status, text } = answer;
  if (status >= 200 && status < 300) return { status: 'delivered' };
  const said = showable(text, secrets);
  const reason = `${origin} answered ${status}${said === '' ? '' : `: ${said}`}`;
  const mayPass = status >= 500 || [408, 425, 429].includes(status);
  if (!mayPass) return { status: 'permanent', reason };
  const retryAfterMs = parseRetryAfter(answer.retryAfter, nowMs);
  return { status: 'retryable', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** What a failure says about one attempt. */
export function outcomeOfError(
  error: unknown,
  origin: string,
  secrets: readonly string[],
  signal: AbortSignal,
): Outcome {
  if (signal.aborted) return { status: 'retryable', reason: `${origin} did not answer in time` };
  const reason = `${origin}: ${showable(reasonOf(error), secrets)}`;
  if (error instanceof RefusedAddress || error instanceof RefusedRedirect) {
    return { status: 'permanent', reason };
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return { status: UNTRUSTED.test(code) ? 'permanent' : 'retryable', reason };
}
