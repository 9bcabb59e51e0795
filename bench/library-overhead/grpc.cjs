// Unary gRPC calls with messages of about 100 bytes.
const grpc = require('@grpc/grpc-js');

const serialize = (value) => Buffer.from(JSON.stringify(value));
const deserialize = (buffer) => JSON.parse(String(buffer));
const SERVICE = {
  get: {
    path: '/hotel.Rooms/Get',
    requestStream: false,
    responseStream: false,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  },
};
const ROOM = { id: 7, state: 'free', description: 'x'.repeat(60) };

module.exports = {
  listen() {
    const server = new grpc.Server();
    server.addService(SERVICE, { get: (_call, callback) => callback(null, ROOM) });
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) return reject(error);
        if (grpc.ServerInterceptingCall === undefined) server.start();
        return resolve(port);
      });
    });
  },
  client: {
    async connect(port) {
      const Client = grpc.makeGenericClientConstructor(SERVICE, 'Rooms');
      const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
      return {
        run: () =>
          new Promise((resolve, reject) => {
            client.get({ id: 7 }, (error, value) => (error ? reject(error) : resolve(value)));
          }),
        close: async () => client.close(),
      };
    },
  },
};
