// A small booking service. It calls the decorators as functions, so it needs no compiler.
import 'reflect-metadata';
import { Catch, Controller, Get, HttpException, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

class RoomController {
  find(id) {
    return { id, price: 80 };
  }

  async book(id) {
    if (id === '13') throw new Error('Room 13 does not exist.');
    return { id };
  }
}
Controller()(RoomController);
addRoute('find', Get('rooms/:id'));
addRoute('book', Post('api/rooms/:id/bookings'));

/** Applies the decorator of a route, as `@Get('rooms/:id') find(@Param('id') id)` does in TypeScript. */
function addRoute(name, decorator) {
  const { prototype } = RoomController;
  decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  Param('id')(prototype, name, 0);
}

/** Hides unexpected errors from clients. */
class ErrorFilter {
  catch(error, host) {
    const status = error instanceof HttpException ? error.getStatus() : 500;
    const message = status < 500 ? error.message : 'Try again later.';
    host.switchToHttp().getResponse().status(status).json({ error: message });
  }
}
Catch()(ErrorFilter);

class AppModule {}
Module({ controllers: [RoomController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.useGlobalFilters(new ErrorFilter());
await app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
console.log(`listening on ${await app.getUrl()}`);
