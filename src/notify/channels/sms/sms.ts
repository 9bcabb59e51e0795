import type { Channel, Outcome } from '../../channel.ts';
import { smsOf } from '../../text/sms.ts';
import { phoneNumber } from '../fields.ts';
import { maskedNumber } from '../masked.ts';
import type { ChannelOptions } from '../options.ts';
import { Recipients } from '../recipients.ts';
import type { SmsConfig } from './config.ts';
import { twilio } from './twilio.ts';

/** Short messages. @throws PS_CHANNEL_SECRET, PS_CHANNEL_INVALID */
export function openSms(config: SmsConfig, options: ChannelOptions): Channel {
  const recipients = new Recipients('sms', options.to ?? config.to, phoneNumber);
  const provider = twilio(config, options);
  return {
    kind: 'sms',
    recipient: recipients.all.map(maskedNumber).join(', '),
    deliver: async (message, signal) => {
      const text = smsOf(message);
      const failed: Exclude<Outcome, { status: 'delivered' }>[] = [];
      for (const to of recipients.left(message.id)) {
        const outcome = await provider.send(to, text, signal);
        if (outcome.status === 'delivered') recipients.reached(message.id, [to]);
        else failed.push(outcome);
      }
      const again = failed.find(({ status }) => status === 'retryable');
      if (again) return again;
      const [first] = failed;
      if (first === undefined) return { status: 'delivered' };
      // Those who were refused for good are no reason to tell the others again.
      if (failed.length === recipients.all.length) return first;
      return { status: 'delivered', detail: first.reason };
    },
  };
}
