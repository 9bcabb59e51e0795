import { createServer, type Server, type Socket } from 'node:net';
import { listenOnFreePort } from './listen-on-free-port.ts';

/** How the server answers a client that connects. */
type PostgresAnswer = 'ready' | 'silent' | 'wrong password' | 'no TLS' | 'close';

/** Accepts connections of PostgreSQL clients. Answers no query. */
export class FakePostgres {
  answer: PostgresAnswer = 'ready';
  readonly sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => this.#accept(socket));
  port = 0;

  async start(): Promise<void> {
    this.port = await listenOnFreePort(this.#server);
  }

  /** Closes all connections, as a server does that crashes. */
  disconnect(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  stop(): void {
    this.disconnect();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      if (this.answer === 'ready')
        socket.write(Buffer.concat([encodeMessage('R', [0, 0, 0, 0]), encodeMessage('Z', 'I')]));
      else if (this.answer === 'wrong password')
        socket.write(
          encodeMessage('E', 'SFATAL\0C28P01\0Mpassword authentication failed for user "eve"\0\0'),
        );
      else if (this.answer === 'no TLS') socket.write('N');
      else if (this.answer === 'close') socket.destroy();
    });
  }
}

/** Encodes a message of PostgreSQL's protocol: its type, its length, and its content. */
function encodeMessage(type: string, content: string | number[]): Buffer {
  const body = Buffer.from(content as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}
