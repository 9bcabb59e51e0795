// The processor of a sandboxed job of BullMQ.
module.exports = async (job) => {
  console.log('processor', job.data.room);
  console.error('processor error');
  return job.data.room + 1;
};
