// Ends, or does not, as its first argument says, and prints what it sees of it. Run with and without
// `register`, everything must be the same.
const [, , how] = process.argv;
const after = () => setTimeout(() => console.log('still here'), 50);
const shape = (reason) => `${reason?.constructor?.name} ${reason?.message ?? reason}`;

const WAYS = {
  throws: () => {
    throw new TypeError('no room for guest 17');
  },
  rejects: () => Promise.reject(new RangeError('no bed')),
  rejectsWithText: () => Promise.reject('a text'),
  rejectsWithNothing: () => Promise.reject(undefined),
  handled: () => {
    process.on('uncaughtException', (error, origin) => console.log('first', shape(error), origin));
    process.on('uncaughtException', (error) => console.log('second', shape(error)));
    setTimeout(() => WAYS.throws(), 1);
    setTimeout(() => WAYS.rejects(), 10);
  },
  handledRejections: () => {
    process.on('unhandledRejection', (reason, promise) =>
      console.log('rejection', shape(reason), promise instanceof Promise),
    );
    process.on('rejectionHandled', () => console.log('handled later'));
    const late = Promise.reject(new Error('late'));
    setTimeout(() => late.catch(() => {}), 10);
    void WAYS.rejects();
  },
  listenerThrows: () => {
    process.on('unhandledRejection', () => {
      throw new Error('from the listener');
    });
    void WAYS.rejects();
  },
  own: () => {
    const seen = ['uncaughtException', 'unhandledRejection'].map((name) =>
      process.listenerCount(name),
    );
    console.log('listeners', seen.join(), process.emit.name, process.emit.length);
    console.log('emit', process.emit('nobody'), process.emit('unhandledRejection', 1));
  },
};

after();
WAYS[how]();
