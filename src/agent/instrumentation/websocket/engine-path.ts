import { ExistingObject } from '../loading/hidden-property.ts';

/** Path of an Engine.IO server, and of the `ws` server that it creates. */
class EnginePathField extends ExistingObject {
  #path: string;

  private constructor(server: object, path: string) {
    super(server);
    this.#path = path;
  }

  static get(server: object): string | undefined {
    return #path in server ? server.#path : undefined;
  }

  static set(server: object, path: string): void {
    if (#path in server) server.#path = path;
    else new EnginePathField(server, path);
  }
}

const DEFAULT_PATH = '/engine.io';

/** Stores the path of an Engine.IO server. */
export function setEnginePath(engine: object, path: unknown): void {
  const text = typeof path === 'string' && path !== '' ? path : DEFAULT_PATH;
  EnginePathField.set(engine, text.replace(/\/$/, ''));
}

/** Stores the path of an Engine.IO server for its `ws` server, which it creates again whenever it starts to listen. */
export function setEngineOwner(webSocketServer: object | undefined, engine: object): void {
  if (webSocketServer)
    EnginePathField.set(webSocketServer, EnginePathField.get(engine) ?? DEFAULT_PATH);
}

/** Returns the path of a server that belongs to Engine.IO, such as `/socket.io`. */
export function getEnginePath(server: object): string | undefined {
  return EnginePathField.get(server);
}
