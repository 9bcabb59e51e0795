import { Socket } from 'node:net';

/** Returns whether a server accepts connections on a port of this machine. */
export function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new Socket();
    const end = (isConnected: boolean) => {
      socket.destroy();
      resolve(isConnected);
    };
    socket.once('error', () => end(false));
    socket.connect(port, '127.0.0.1', () => end(true));
  });
}
