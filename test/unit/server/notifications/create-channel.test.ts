import { chmodSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  channelConfigSchema,
  createChannel,
} from '../../../../src/server/notifications/channels/create-channel.ts';
import { SecretFiles } from '../../../support/message-fixtures.ts';

const secrets = new SecretFiles();
afterAll(() => secrets.remove());

const email = { kind: 'email', host: 'mail.example', from: 'a@b.example', to: ['c@d.example'] };
const sid = `AC${'0'.repeat(32)}`;
const sms = { kind: 'sms', accountSid: sid, tokenFile: 't', from: '+43664123456' };
const webhook = { kind: 'webhook', url: 'https://hooks.example/', secretFile: 's' };

describe('channelConfigSchema', () => {
  it.each([
    email,
    { ...email, security: 'tls', port: 465, user: 'u', passwordFile: 'p', to: undefined },
    webhook,
    { kind: 'webhook', urlFile: 'u', secretFile: 's', allowPrivate: ['10.0.0.0/8'] },
    { kind: 'alertmanager', urls: ['https://am.example/x'], tokenFile: 't', endsAfter: '1d' },
    { kind: 'slack', urlFile: 'u' },
    { kind: 'teams', urlFile: 'u' },
    { kind: 'pagerduty', routingKeyFile: 'k' },
    sms,
  ])('accepts %j', (config) => {
    expect(channelConfigSchema.safeParse(config).error).toBeUndefined();
  });

  it.each([
    [{ ...webhook, urlFile: 'u' }, 'exactly one of `url` and `urlFile` must be set'],
    [{ kind: 'webhook', secretFile: 's' }, 'exactly one of `url` and `urlFile` must be set'],
    [{ ...webhook, url: 'http://hooks.example/' }, '`allowHttp` does not allow it'],
    [{ ...webhook, url: 'https://10.0.0.1/' }, '`allowPrivate` does not allow'],
    [{ ...webhook, url: 'https://u:p@hooks.example/' }, 'it must not contain a user or a password'],
    [{ ...webhook, url: 'file:///etc/passwd' }, 'begins with https:// or http://'],
    [{ ...webhook, secret: 'inline' }, 'Unrecognized key'],
    [{ ...webhook, allowPrivate: ['10.0.0.0'] }, 'a list of networks such as'],
    [{ kind: 'slack', url: 'https://hooks.slack.com/x' }, 'Unrecognized key'],
    [{ ...email, to: ['c@d.example\r\nBcc: x@y.example'] }, 'one line without control'],
    [{ ...email, from: 'nobody' }, 'an address such as'],
    [{ ...email, fromName: 'a\nb' }, 'one line without control'],
    [{ ...email, user: 'u' }, 'must be set together with `passwordFile`'],
    [{ ...sms, from: '0664123' }, 'E.164'],
    [{ ...sms, to: ['+43 664 1234567'] }, 'E.164'],
    [{ ...sms, messagingServiceSid: `MG${'0'.repeat(32)}` }, 'exactly one of `from` and'],
    [{ kind: 'alertmanager', urls: ['https://a.example'], endsAfter: '1y' }, 'a duration such as'],
    [{ kind: 'alertmanager', urls: ['https://a.example', 'http://b.example'] }, '`allowHttp`'],
    [{ kind: 'pigeon' }, 'Invalid'],
  ])('rejects %j', (config, reason) => {
    const { error } = channelConfigSchema.safeParse(config);
    expect(error && z.prettifyError(error)).toContain(reason);
  });
});

describe('a secret file', () => {
  const KEY = 'k'.repeat(32);
  const createWithKey = (routingKeyFile: string) =>
    createChannel(channelConfigSchema.parse({ kind: 'pagerduty', routingKeyFile }));

  it('must be readable only by its owner', () => {
    const file = secrets.write('key', `${KEY}\n`);
    expect(createWithKey(file).recipient).toBe('events.pagerduty.com');
    for (const mode of [0o640, 0o604, 0o644]) {
      chmodSync(file, mode);
      expect(() => createWithKey(file)).toThrow(
        expect.objectContaining({
          code: 'PS_CHANNEL_SECRET',
          params: expect.objectContaining({ file }),
        }),
      );
    }
  });

  it.each([
    ['', 'it is empty'],
    [`${KEY}\n${KEY}`, 'one line'],
    ['short-key-1', '32 characters'],
    ['x'.repeat(70_000), 'too large'],
  ])('is rejected if its content is invalid, and the content is not shown', (text, reason) => {
    let message = '';
    try {
      createWithKey(secrets.write('wrong', text));
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(reason);
    if (text !== '') expect(message).not.toContain(text.slice(0, 11));
  });

  it('is reported if it does not exist', () => {
    expect(() => createWithKey('/nowhere/key')).toThrow(
      "The secret file /nowhere/key can't be used: it can't be read (ENOENT)",
    );
  });

  it('with a URL must comply with the network settings', () => {
    for (const url of ['https://10.0.0.1/hook', 'http://hooks.example/hook', 'no url']) {
      const urlFile = secrets.write('url', url);
      const config = channelConfigSchema.parse({ kind: 'slack', urlFile });
      expect(() => createChannel(config)).toThrow(
        expect.objectContaining({ code: 'PS_CHANNEL_SECRET' }),
      );
    }
  });
});
