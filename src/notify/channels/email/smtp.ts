import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createTransport, type SendMailOptions, type SMTPSentMessageInfo } from 'nodemailer';
import type { EmailConfig } from './config.ts';

const PORTS = { tls: 465, starttls: 587, none: 25 } as const;
/** For what the signal does not end: it always comes first. */
const PATIENCE_MS = 120_000;

export interface SmtpOptions {
  readonly config: EmailConfig;
  readonly password: string | undefined;
  readonly ca: string | undefined;
}

/** Gives one mail to the server, over a connection of its own that ends with `signal`. */
export async function sendMail(
  { config, password, ca }: SmtpOptions,
  mail: SendMailOptions,
  signal: AbortSignal,
): Promise<SMTPSentMessageInfo> {
  const { host, security, user } = config;
  const port = config.port ?? PORTS[security];
  const socket = connect({ host, port });
  // Failures are told by the waits below; one that comes after them is nobody's.
  socket.on('error', () => {});
  // Whatever nodemailer waits for, it hears that the connection is gone.
  const end = () => socket.destroy(new Error('it did not answer in time'));
  signal.addEventListener('abort', end);
  try {
    await connected(socket, signal);
    const transport = createTransport({
      host,
      port,
      connection: socket,
      secure: security === 'tls',
      requireTLS: security === 'starttls',
      ignoreTLS: security === 'none',
      tls: { ...(ca !== undefined && { ca }), minVersion: 'TLSv1.2' },
      ...(user !== undefined && { auth: { user, pass: password } }),
      greetingTimeout: PATIENCE_MS,
      socketTimeout: PATIENCE_MS,
    });
    return await transport.sendMail(mail);
  } finally {
    signal.removeEventListener('abort', end);
    socket.destroy();
  }
}

async function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw new Error('it did not answer in time');
  await once(socket, 'connect', { signal });
}
