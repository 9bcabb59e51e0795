import type { Outcome } from '../../channel.ts';

/** Who brings an SMS on its way. */
export interface SmsProvider {
  /** Where it is reached, shown in reasons. */
  readonly host: string;
  /** One attempt for one number, in E.164 form. Never rejects. */
  send(to: string, text: string, signal: AbortSignal): Promise<Outcome>;
}
