import type { Outcome } from '../../channel.ts';
import { showable } from '../../http/showable.ts';

/** What nodemailer and the server say of a failure. */
interface SmtpFailure {
  readonly code?: string;
  /** Of the server's answer: 4xx may pass, 5xx will not (RFC 5321, 4.2.1). */
  readonly responseCode?: number;
  readonly response?: string;
  readonly message: string;
}

/** What Node says of a certificate; nodemailer gives all failures of a socket the same code. */
const UNTRUSTED = /certificate|Hostname\/IP does not match/i;
/** Encryption that is wanted and not offered. */
const UNENCRYPTED = /STARTTLS/;

export function isPermanent({ code, responseCode, message }: SmtpFailure): boolean {
  if (responseCode !== undefined) return responseCode >= 500;
  if (UNTRUSTED.test(message) || (code === 'ETLS' && UNENCRYPTED.test(message))) return true;
  // Nothing was answered: the message or the way of logging in is at fault.
  return code === 'EENVELOPE' || code === 'EMESSAGE' || code === 'EAUTH';
}

export function outcomeOfFailure(
  error: SmtpFailure,
  host: string,
  secrets: readonly string[],
  signal: AbortSignal,
): Outcome {
  if (signal.aborted) return { status: 'retryable', reason: `${host} did not answer in time` };
  const said = showable(error.response ?? error.message, secrets);
  const reason = `${host}: ${said}`;
  return { status: isPermanent(error) ? 'permanent' : 'retryable', reason };
}
