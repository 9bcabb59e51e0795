// A small booking service with tRPC.
import { initTRPC } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';

const { procedure, router } = initTRPC.create();

const withRoom = procedure.input((value) => {
  if (Number.isInteger(value)) return value;
  throw new TypeError('The room must be a number.');
});

const bookings = router({
  room: withRoom.query(({ input }) => ({ id: input, price: 80 })),
  book: withRoom.mutation(({ input }) => {
    if (input === 13) throw new Error('Room 13 does not exist.');
    return { id: input };
  }),
});

const server = createHTTPServer({ router: bookings, basePath: '/trpc/' });
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
