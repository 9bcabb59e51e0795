import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface ReceivedEmail {
  readonly to: readonly string[];
  readonly raw: string;
  /** Unfolded header fields by their lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Runs a real SMTP server on a loopback port that records the received emails. */
export class TestSmtpServer {
  readonly emails: ReceivedEmail[] = [];
  readonly #server: SMTPServer;

  constructor(options: SMTPServerOptions = {}) {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      disableReverseLookup: true,
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const raw = Buffer.concat(chunks).toString();
          const to = session.envelope.rcptTo.map(({ address }) => address);
          this.emails.push({ to, raw, headers: parseHeaders(raw) });
          done();
        });
      },
      ...options,
    });
    this.#server.on('error', () => {});
  }

  async start(): Promise<number> {
    const listener = this.#server.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return (listener.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    return new Promise((done) => this.#server.close(() => done()));
  }
}

function parseHeaders(raw: string): Map<string, string> {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]+/g, ' ');
  return new Map(
    head.split('\r\n').map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
}
