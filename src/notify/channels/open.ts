import type { Channel } from '../channel.ts';
import { openAlertmanager } from './alertmanager/alertmanager.ts';
import type { ChannelConfig } from './config.ts';
import { openEmail } from './email/email.ts';
import type { ChannelOptions } from './options.ts';
import { openPagerduty } from './pagerduty/pagerduty.ts';
import { openSlack } from './slack/slack.ts';
import { openSms } from './sms/sms.ts';
import { openTeams } from './teams/teams.ts';
import { openWebhook } from './webhook/webhook.ts';

/**
 * Makes a channel ready to use; its secret files are read now.
 *
 * @throws PS_CHANNEL_SECRET when one can't be used, PS_CHANNEL_INVALID when nobody would be reached
 */
export function openChannel(config: ChannelConfig, options: ChannelOptions = {}): Channel {
  switch (config.kind) {
    case 'email':
      return openEmail(config, options);
    case 'webhook':
      return openWebhook(config, options);
    case 'alertmanager':
      return openAlertmanager(config, options);
    case 'slack':
      return openSlack(config, options);
    case 'teams':
      return openTeams(config, options);
    case 'pagerduty':
      return openPagerduty(config, options);
    case 'sms':
      return openSms(config, options);
  }
}
