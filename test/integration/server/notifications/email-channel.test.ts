import { createServer } from 'node:net';
import type { SMTPServerOptions } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  channelConfigSchema,
  createChannel,
} from '../../../../src/server/notifications/channels/create-channel.ts';
import { type Certificate, createCertificate } from '../../../support/certificate.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';
import {
  deliverMessage,
  makeMessage,
  makeMessageAlert,
  SecretFiles,
  toResolvedMessage,
} from '../../../support/message-fixtures.ts';
import { TestSmtpServer } from '../../../support/test-smtp-server.ts';

const PASSWORD = 'mail-pass-9Z';
const secrets = new SecretFiles();
const plainServer = new TestSmtpServer();
let config: Record<string, unknown>;
let trusted: Certificate;

beforeAll(async () => {
  trusted = createCertificate(secrets.folder);
  config = {
    kind: 'email',
    host: 'localhost',
    port: await plainServer.start(),
    security: 'none',
    from: 'perfscope@hotel.example',
    to: ['ann.lee@hotel.example'],
  };
});
afterAll(async () => {
  await plainServer.stop();
  secrets.remove();
});

/** Makes one attempt to send a message to a new SMTP server. */
async function attemptDelivery(options: SMTPServerOptions, more: object, message = makeMessage()) {
  const server = new TestSmtpServer(options);
  const port = await server.start();
  try {
    const outcome = await deliverMessage({ ...config, port, ...more }, message);
    return { outcome, emails: server.emails };
  } finally {
    await server.stop();
  }
}

function rejectRecipients(responseCode: number, message: string): SMTPServerOptions {
  return {
    onRcptTo: (_address, _session, done) =>
      done(Object.assign(new Error(message), { responseCode })),
  };
}

describe('an email', () => {
  it('has HTML and text, shares a thread with later emails, and prevents automatic replies', async () => {
    const message = makeMessage({
      alerts: [makeMessageAlert(), makeMessageAlert({ id: 'a2', severity: 'high' })],
    });
    expect(await deliverMessage(config, message)).toEqual({ status: 'delivered' });
    expect(await deliverMessage(config, message)).toEqual({ status: 'delivered' });
    expect(await deliverMessage(config, toResolvedMessage(message))).toEqual({
      status: 'delivered',
    });
    const [first, repeated, resolved] = plainServer.emails;
    expect(first!.to).toEqual(['ann.lee@hotel.example']);
    expect(first!.headers.get('subject')).toBe(
      '[CRITICAL] shop: /rooms takes 6 s on average (limit: 5 s), and 1 more alert - anna/north',
    );
    expect(resolved!.headers.get('subject')).toBe(
      '[RESOLVED] shop: 2 alerts, lasted 1 min - anna/north',
    );
    expect(first!.headers.get('auto-submitted')).toBe('auto-generated');
    expect(first!.headers.get('from')).toBe('Perfscope <perfscope@hotel.example>');
    expect(first!.headers.get('message-id')).toMatch(/^<[0-9a-f]{32}@hotel\.example>$/);
    // A repeated attempt sends the same email. Another message is another email in the same thread.
    expect(repeated!.headers.get('message-id')).toBe(first!.headers.get('message-id'));
    expect(resolved!.headers.get('message-id')).not.toBe(first!.headers.get('message-id'));
    for (const name of ['in-reply-to', 'references']) {
      expect(first!.headers.get(name)).toMatch(/^<[0-9a-f]{32}@hotel\.example>$/);
      expect(resolved!.headers.get(name)).toBe(first!.headers.get(name));
    }
    expect(first!.raw).toMatch(/Content-Type: text\/plain[\s\S]+Content-Type: text\/html/);
    expect(first!.raw).toContain('Acknowledge: https://perfscope.example/ack?t=');
  });

  it('contains no headers that were injected through tenant data', async () => {
    const hostile = 'north\r\nBcc: all@hotel.example\r\n\r\n<script>';
    const { emails } = await attemptDelivery(
      {},
      {},
      makeMessage({ alerts: [makeMessageAlert({ propertyId: hostile, rule: hostile })] }),
    );
    expect(emails[0]!.headers.get('bcc')).toBeUndefined();
    expect(emails[0]!.to).toHaveLength(1);
    expect(emails[0]!.raw).not.toMatch(/^Bcc/im);
    const [, html] = emails[0]!.raw.split('Content-Type: text/html');
    expect(html).toContain('&lt;script&gt;');
    expect(html).not.toContain('<script>');
  });

  it.each(['ann@hotel.example\r\nBcc: x@y.example', 'ann@hotel.example\n', 'ann', ''])(
    'is not sent to the invalid address %j',
    async (address) => {
      expect(() => deliverMessage({ ...config, to: [address] }, makeMessage())).toThrow();
      // The address is also rejected if it comes from a list of people.
      expect(() => deliverMessage(config, makeMessage(), { to: [address] })).toThrow(
        expect.objectContaining({ code: 'PS_CHANNEL_INVALID' }),
      );
    },
  );
});

describe('an SMTP server', () => {
  it('gets a retry after a temporary error, but not after a permanent error', async () => {
    const busy = await attemptDelivery(
      rejectRecipients(451, 'try later, ann.lee@hotel.example'),
      {},
    );
    expect(busy.outcome).toMatchObject({ status: 'retryable' });
    expect((busy.outcome as { reason: string }).reason).toMatch(/^localhost: 451 .*\[email\]/);
    const unknown = await attemptDelivery(rejectRecipients(550, 'no such user'), {});
    expect(unknown.outcome).toMatchObject({ status: 'permanent' });
  });

  it('gets a retry only for the recipient that it rejected', async () => {
    let busy = true;
    const server = new TestSmtpServer({
      onRcptTo: ({ address }, _session, done) => {
        if (!busy || address.startsWith('ann')) return done();
        done(Object.assign(new Error('later'), { responseCode: 450 }));
      },
    });
    const port = await server.start();
    const to = ['ann@hotel.example', 'bob@hotel.example'];
    const channel = createChannel(channelConfigSchema.parse({ ...config, port, to }));
    expect(channel.recipient).toBe('an***@hotel.example, bo***@hotel.example');
    const send = () => channel.deliver(makeMessage(), AbortSignal.timeout(10_000));
    expect(await send()).toEqual({
      status: 'retryable',
      reason: 'localhost rejected bo***@hotel.example',
    });
    busy = false;
    expect(await send()).toEqual({ status: 'delivered' });
    expect(server.emails.map((email) => email.to)).toEqual([[to[0]], [to[1]]]);
    await server.stop();
  });

  it.each(['tls', 'starttls'] as const)(
    'with security %s must have a trusted certificate, and accepts only a valid login',
    async (security) => {
      const passwordFile = secrets.write('password', PASSWORD);
      const options: SMTPServerOptions = {
        secure: security === 'tls',
        key: trusted.key,
        cert: trusted.cert,
        authOptional: false,
        disabledCommands: [],
        onAuth: ({ username, password }, _session, done) => {
          const isValid = username === 'ann' && password === PASSWORD;
          done(
            isValid ? null : new Error(`wrong: ${password}`),
            isValid ? { user: 'ann' } : undefined,
          );
        },
      };
      const more = { security, user: 'ann', passwordFile, caFile: trusted.file };
      const valid = await attemptDelivery(options, more);
      expect(valid.outcome).toEqual({ status: 'delivered' });
      expect(valid.emails).toHaveLength(1);
      const wrongFile = secrets.write('wrong', 'wrong-pass-1');
      const wrong = await attemptDelivery(options, { ...more, passwordFile: wrongFile });
      expect(wrong.outcome).toMatchObject({ status: 'permanent' });
      expect(JSON.stringify(wrong.outcome)).not.toContain('wrong-pass-1');
      const untrusted = await attemptDelivery(options, { ...more, caFile: undefined });
      expect(untrusted.outcome).toMatchObject({ status: 'permanent' });
      expect(untrusted.emails).toHaveLength(0);
    },
  );

  it('without encryption receives neither the password nor the email', async () => {
    const starttls = await attemptDelivery({}, { security: 'starttls' });
    expect(starttls.outcome).toMatchObject({ status: 'permanent' });
    expect(starttls.emails).toHaveLength(0);
    const passwordFile = secrets.write('password', PASSWORD);
    const unencrypted = { ...config, host: 'mail.hotel.example', user: 'ann', passwordFile };
    expect(() => deliverMessage(unencrypted, makeMessage())).toThrow(
      /password would be sent unencrypted/,
    );
  });

  it('that does not respond causes a retryable failure after the timeout', async () => {
    const silent = createServer();
    const port = await listenOnFreePort(silent);
    const outcome = await deliverMessage({ ...config, port }, makeMessage(), { timeoutMs: 300 });
    expect(outcome).toEqual({ status: 'retryable', reason: 'localhost did not respond in time' });
    await new Promise((done) => silent.close(done));
    expect(await deliverMessage({ ...config, port }, makeMessage())).toMatchObject({
      status: 'retryable',
    });
  });
});
