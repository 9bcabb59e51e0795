import dns from 'node:dns';
import net, { type Socket, type TcpNetConnectOpts } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { guard } from '../guard.ts';

// Taken when this module is loaded, because mocking libraries and tracers replace these functions.
const NetSocket = net.Socket;
const { write, destroy, on, ref, unref } = NetSocket.prototype;
const connect: (this: Socket, options: TcpNetConnectOpts) => Socket = NetSocket.prototype.connect;
const { lookup } = dns;
const { isIP } = net;

let connectTls: ((options: ConnectionOptions) => TLSSocket) | undefined;

/** Loads `node:tls`, which takes 6 ms, and keeps a reference to its `connect`. */
export function loadTls(): (options: ConnectionOptions) => TLSSocket {
  connectTls ??= process.getBuiltinModule('node:tls').connect;
  return connectTls;
}

/** Address of an HTTP server. */
export interface HttpOrigin {
  readonly isSecure: boolean;
  /** Name or IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsCertificates | undefined;
}

/** Certificates and keys in the PEM format. */
export interface TlsCertificates {
  /** Certificates to trust. They replace the default certificates of Node.js. */
  readonly ca?: Buffer | undefined;
  /** Certificate and key with which the client identifies itself. */
  readonly cert?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

/** All callbacks are guarded. None is called after `destroy`. */
export interface HttpSocketListener {
  /** The socket is ready for writes, and a TLS certificate is valid. */
  onReady(): void;
  onData(data: Buffer): void;
  /** The peer sent all its data. */
  onEnd(): void;
  /** The socket has failed or is closed. */
  onClose(error?: Error): void;
}

/**
 * A TCP or TLS socket that doesn't use the application's replacements of `node:net`, `node:tls`, or
 * `node:dns`. It reports failures only to its listener.
 */
export class HttpSocket {
  readonly #raw: Socket;
  readonly #listener: HttpSocketListener;
  /** The TLS socket over `#raw`, or `#raw`. */
  #stream: Socket;
  #isReferenced: boolean;
  #isConnecting = true;
  #isClosed = false;

  /** @param isReferenced whether the socket keeps the process alive */
  constructor(origin: HttpOrigin, isReferenced: boolean, listener: HttpSocketListener) {
    this.#listener = listener;
    this.#isReferenced = isReferenced;
    // `connect` ignores this option. Without it, each request can wait 40 ms for a delayed acknowledgment.
    this.#raw = new NetSocket({ noDelay: true });
    this.#stream = this.#raw;
    this.#listen(this.#raw, 'error', (error: Error) => this.#close(error));
    this.#listen(this.#raw, 'close', () => {
      // A TLS socket can still have data to emit. It closes itself.
      if (this.#stream === this.#raw) this.#close();
    });
    // Each attempt to connect to one of the host's addresses has another handle.
    this.#listen(this.#raw, 'connectionAttempt', () => this.#applyReference());
    this.#listen(this.#raw, 'connect', () => this.#onConnect(origin));
    const { host, port } = origin;
    connect.call(this.#raw, { host, port, lookup, autoSelectFamily: true });
    this.#applyReference();
  }

  /** Whether the socket isn't connected yet. */
  get isConnecting(): boolean {
    return this.#isConnecting;
  }

  /** Number of bytes that the operating system has not accepted yet. */
  get unsentBytes(): number {
    return this.#stream.writableLength;
  }

  write(data: Buffer): void {
    if (!this.#isClosed) write.call(this.#stream, data);
  }

  /** Sets whether the socket keeps the process alive. */
  setReferenced(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    this.#applyReference();
  }

  destroy(): void {
    this.#isClosed = true;
    destroy.call(this.#stream);
    destroy.call(this.#raw);
  }

  #onConnect({ isSecure, host, tls }: HttpOrigin): void {
    this.#isConnecting = false;
    this.#applyReference();
    if (!isSecure) {
      this.#onReady();
      return;
    }
    // An IP address is not allowed as a server name (RFC 6066).
    const servername = isIP(host) === 0 ? host : '';
    const stream = loadTls()({
      ...tls,
      socket: this.#raw,
      host,
      servername,
      ALPNProtocols: ['http/1.1'],
    });
    this.#stream = stream;
    this.#listen(stream, 'error', (error: Error) => this.#close(error));
    this.#listen(stream, 'close', () => this.#close());
    this.#listen(stream, 'secureConnect', () => this.#onReady());
    this.#applyReference();
  }

  #onReady(): void {
    this.#listen(this.#stream, 'data', (data: Buffer) => this.#listener.onData(data));
    this.#listen(this.#stream, 'end', () => this.#listener.onEnd());
    this.#listener.onReady();
  }

  #close(error?: Error): void {
    if (this.#isClosed) return;
    this.destroy();
    this.#listener.onClose(error);
  }

  #applyReference(): void {
    const apply = this.#isReferenced ? ref : unref;
    apply.call(this.#raw);
    if (this.#stream !== this.#raw) apply.call(this.#stream);
  }

  #listen<T>(socket: Socket, event: string, fn: (argument: T) => void): void {
    const listener = guard('the HTTP client', (argument: T) => {
      if (this.#isClosed) return;
      try {
        fn(argument);
      } catch (error) {
        this.#close(error as Error);
      }
    });
    on.call(socket, event, listener);
  }
}
