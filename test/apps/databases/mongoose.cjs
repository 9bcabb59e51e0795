const { env } = process;

module.exports = async function run(library) {
  const mongoose = library.default ?? library;
  await mongoose.connect(env.MONGODB_URL, { dbName: env.DATABASE, autoIndex: false });
  const schema = new mongoose.Schema({ city: String, status: String }, { autoCreate: false });
  const Room = mongoose.model('Room', schema);
  await Room.create({ city: 'Bern', status: 'free' });
  const room = await Room.findOne({ city: 'Bern' });
  room.status = 'taken';
  await room.save();
  for (let i = 0; i < 3; i++) await Room.find({ status: 'taken', city: 'Bern' }).lean();
  await Room.updateMany({ city: 'Bern' }, { status: 'free' });
  await Room.countDocuments({ status: 'free' });
  await mongoose.disconnect();
  return {};
};
