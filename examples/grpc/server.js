import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const file = new URL('rooms.proto', import.meta.url).pathname;
const { hotel } = grpc.loadPackageDefinition(loadSync(file));
const { PORT = '50051' } = process.env;

const server = new grpc.Server();
server.addService(hotel.Rooms.service, {
  Get({ request: { id } }, callback) {
    if (id === 13) callback(new Error('Room 13 does not exist.'));
    else if (id > 100) callback({ code: grpc.status.NOT_FOUND, details: 'No such room.' });
    else callback(null, { id, state: 'free' });
  },
  Watch(call) {
    const { id } = call.request;
    for (const state of ['booked', 'cleaning', 'free']) call.write({ id, state });
    call.end();
  },
});
server.bindAsync(`127.0.0.1:${PORT}`, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on http://127.0.0.1:${port}`);
});
