const { env } = process;

module.exports = async function run({ MongoClient }) {
  const client = new MongoClient(env.MONGODB_URL, { maxPoolSize: 2 });
  await client.connect();
  const db = client.db(env.DATABASE);
  const rooms = db.collection('rooms');
  await rooms.insertOne({ _id: 1, city: 'Bern', status: 'free' });
  await rooms.insertMany([2, 3, 4, 5, 6].map((_id) => ({ _id, city: 'Basel', status: 'free' })));
  const duplicate = await rooms.insertOne({ _id: 1 }).catch((error) => error);

  for (const city of ['Bern', 'Basel', 'Chur']) await rooms.findOne({ status: 'free', city });
  await rooms.find({ _id: { $in: [1, 2, 3] } }).toArray();
  await rooms.find({ _id: { $in: [1, 2, 3, 4] } }).toArray();
  await rooms.find({ $or: [{ city: 'Bern' }, { status: 'free' }] }).toArray();
  // Three batches: the first two with two documents, and the last with one.
  await rooms.find({ city: 'Basel' }, { batchSize: 2 }).toArray();

  await rooms.updateOne({ _id: 1 }, { $set: { status: 'taken' } });
  await rooms.bulkWrite([
    { updateOne: { filter: { _id: 2 }, update: { $set: { status: 'taken' } } } },
    { deleteOne: { filter: { _id: 6 } } },
  ]);
  await rooms.findOneAndUpdate({ _id: 1 }, { $inc: { visits: 1 } });
  await rooms.deleteMany({ status: 'taken' });
  await rooms
    .aggregate([{ $match: { city: 'Basel' } }, { $group: { _id: '$status', rooms: { $sum: 1 } } }])
    .toArray();
  await rooms.countDocuments({ city: 'Basel' });
  await db.command({ ping: 1 });
  const unknown = await db.command({ nosuchcommand: 1 }).catch((error) => error);

  // Five operations share two connections.
  const startMs = performance.now();
  const parallel = Array.from({ length: 5 }, () => rooms.distinct('city', { status: 'free' }));
  await Promise.all(parallel);
  const parallelMs = performance.now() - startMs;
  await client.close();

  const unreachable = new MongoClient(`mongodb://127.0.0.1:${env.CLOSED_PORT}`, {
    serverSelectionTimeoutMS: 200,
  });
  const selection = await unreachable.connect().catch((error) => error);
  await unreachable.close();
  return { parallelMs, errors: [duplicate, unknown, selection].map(({ name }) => name) };
};
