import { promisify } from 'node:util';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const file = new URL('rooms.proto', import.meta.url).pathname;
const { hotel } = grpc.loadPackageDefinition(loadSync(file));
const [address = '127.0.0.1:50051'] = process.argv.slice(2);
const client = new hotel.Rooms(address, grpc.credentials.createInsecure());
const get = promisify(client.Get.bind(client));

for (const id of [7, 8, 13, 101]) {
  const result = await get({ id }).catch(({ code }) => ({ id, state: grpc.status[code] }));
  console.log(result.id, result.state);
}
for await (const { id, state } of client.Watch({ id: 7 })) console.log(id, state);
client.close();
