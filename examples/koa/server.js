// A small booking service.
import Router from '@koa/router';
import Koa from 'koa';

const app = new Koa();

app.use(async (context, next) => {
  try {
    await next();
  } catch (error) {
    context.status = error.status ?? 500;
    context.body = { error: 'Try again later.' };
  }
});

const router = new Router();
router.get('/rooms/:id', (context) => {
  context.body = { id: context.params.id, price: 80 };
});

const api = new Router({ prefix: '/api' });
api.post('/rooms/:id/bookings', (context) => {
  if (context.params.id === '13') throw new Error('Room 13 does not exist.');
  context.status = 201;
  context.body = { id: context.params.id };
});

app.use(router.routes()).use(api.routes()).use(router.allowedMethods());

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
