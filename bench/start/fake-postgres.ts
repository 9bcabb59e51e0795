import { createServer, type Server, type Socket } from 'node:net';

/** Responds to each query with one row, without a database, so that only the client is measured. */
export function createFakePostgres(): Server {
  return createServer((socket) => {
    let isStarted = false;
    socket.on('data', (data) => {
      if (!isStarted) {
        isStarted = true;
        // AuthenticationOk, ReadyForQuery
        send(socket, message('R', int32(0)), message('Z', Buffer.from('I')));
      } else if (data[0] === 0x51) sendRow(socket);
    });
    socket.on('error', () => socket.destroy());
  });
}

/** Sends RowDescription, DataRow, CommandComplete, and ReadyForQuery. */
function sendRow(socket: Socket): void {
  const typeOfText = int32(25);
  const column = [text('one'), int32(0), int16(0), typeOfText, int16(-1), int32(-1), int16(0)];
  send(
    socket,
    message('T', int16(1), ...column),
    message('D', int16(1), int32(1), Buffer.from('1')),
    message('C', text('SELECT 1')),
    message('Z', Buffer.from('I')),
  );
}

const send = (socket: Socket, ...messages: readonly Buffer[]) =>
  socket.write(Buffer.concat(messages));

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

const text = (value: string) => Buffer.from(`${value}\0`);
