/**
 * Starts a Nest application without a compiler: decorators are functions. Its requests reach their handlers in
 * different ways.
 *
 * @param {object} library exports of `@nestjs/common` and `@nestjs/core`
 * @param {object} adapter adapter of Express or Fastify
 */
async function startNestApp(library, adapter, port = 0) {
  const { NestFactory, VersioningType } = library;
  const app = await NestFactory.create(createModule(library), adapter, { logger: false });
  app.setGlobalPrefix('api', { exclude: ['status'] });
  app.enableVersioning({ type: VersioningType.URI });
  await app.listen(port, '127.0.0.1');
  return app;
}

/** Decorates the method of a class, as a compiler does. */
function decorate(Class, name, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(Class.prototype, name);
  for (const each of decorators) each(Class.prototype, name, descriptor);
  Object.defineProperty(Class.prototype, name, descriptor);
}

function createModule(library) {
  const {
    Controller,
    Module,
    Get,
    Post,
    All,
    Param,
    Catch,
    UseFilters,
    UseGuards,
    UseInterceptors,
    UsePipes,
    NotFoundException,
    ForbiddenException,
    InternalServerErrorException,
    BaseExceptionFilter,
  } = library;

  class BusinessError extends Error {}
  class AsyncError extends Error {}

  const sendError = (host, status, error) => {
    const response = host.switchToHttp().getResponse();
    response.status(status).send({ error: error.message });
  };
  class BusinessFilter {
    catch(error, host) {
      sendError(host, 500, error);
    }
  }
  Catch(BusinessError)(BusinessFilter);
  class AsyncFilter {
    async catch(error, host) {
      await null;
      sendError(host, 502, error);
    }
  }
  Catch(AsyncError)(AsyncFilter);
  class InheritedFilter extends BaseExceptionFilter {
    catch(error, host) {
      super.catch(error, host);
    }
  }
  Catch(RangeError)(InheritedFilter);

  class Rooms {
    list() {
      return 'rooms';
    }
    find(id) {
      return `room ${id}`;
    }
    create() {
      return 'created';
    }
    all() {
      return 'all';
    }
    throws() {
      throw new Error('thrown at once');
    }
    async rejects() {
      await null;
      throw new Error('rejected later');
    }
    internal() {
      throw new InternalServerErrorException('internal');
    }
    missing() {
      throw new NotFoundException('no room');
    }
    guarded() {
      return 'guarded';
    }
    guardFails() {
      return 'guarded';
    }
    intercepted() {
      return 'intercepted';
    }
    piped(id) {
      return id;
    }
    filtered() {
      throw new BusinessError('filtered');
    }
    filteredLater() {
      throw new AsyncError('filtered later');
    }
    inherited() {
      throw new RangeError('inherited');
    }
  }
  Controller(['rooms', 'suites'])(Rooms);
  Reflect.defineMetadata('design:paramtypes', [], Rooms);
  decorate(Rooms, 'list', Get());
  decorate(Rooms, 'find', Get(['by-id/:id', 'by-number/:id']));
  Param('id')(Rooms.prototype, 'find', 0);
  decorate(Rooms, 'create', Post());
  decorate(Rooms, 'all', All('all/:id'));
  decorate(Rooms, 'throws', Get('throws/:id'));
  decorate(Rooms, 'rejects', Get('rejects/:id'));
  decorate(Rooms, 'internal', Get('internal/:id'));
  decorate(Rooms, 'missing', Get('missing/:id'));
  const guard = (canActivate) => UseGuards({ canActivate });
  decorate(
    Rooms,
    'guarded',
    Get('guarded/:id'),
    guard(() => false),
  );
  const fail = (message) => () => {
    throw new Error(message);
  };
  decorate(Rooms, 'guardFails', Get('guard-fails/:id'), guard(fail('guard failed')));
  decorate(
    Rooms,
    'intercepted',
    Get('intercepted/:id'),
    UseInterceptors({ intercept: fail('interceptor failed') }),
  );
  decorate(Rooms, 'piped', Get('piped/:id'), UsePipes({ transform: fail('pipe failed') }));
  Param('id')(Rooms.prototype, 'piped', 0);
  decorate(Rooms, 'filtered', Get('filtered/:id'), UseFilters(new BusinessFilter()));
  decorate(Rooms, 'filteredLater', Get('filtered-later/:id'), UseFilters(new AsyncFilter()));
  decorate(Rooms, 'inherited', Get('inherited/:id'), UseFilters(InheritedFilter));

  class Versioned {
    find() {
      return 'versioned';
    }
  }
  Controller({ path: 'guests', version: '2' })(Versioned);
  decorate(Versioned, 'find', Get(':id'));
  class Status {
    check() {
      return 'up';
    }
  }
  Controller('status')(Status);
  decorate(Status, 'check', Get());

  class AppModule {
    configure(consumer) {
      consumer
        .apply((request, response, next) => {
          const { url, originalUrl = url } = request;
          if (originalUrl.includes('middleware=throws')) throw new Error('middleware failed');
          if (originalUrl.includes('middleware=forbids')) throw new ForbiddenException();
          if (!originalUrl.includes('middleware=responds')) return next();
          response.statusCode = 503;
          response.end('busy');
        })
        .forRoutes(Rooms);
    }
  }
  Module({ controllers: [Rooms, Versioned, Status] })(AppModule);
  return AppModule;
}

/** Method, path, expected route, expected status, and message of the stored error. */
const NEST_REQUESTS = [
  ['GET', '/status', '/status', 200],
  ['GET', '/api/rooms', '/api/rooms', 200],
  ['GET', '/api/suites?x=1', '/api/suites', 200],
  ['POST', '/api/rooms', '/api/rooms', 201],
  ['GET', '/api/rooms/by-id/5', '/api/rooms/by-id/:id', 200],
  ['GET', '/api/suites/by-number/5', '/api/suites/by-number/:id', 200],
  ['PUT', '/api/rooms/all/5', '/api/rooms/all/:id', 200],
  ['GET', '/api/v2/guests/5', '/api/v2/guests/:id', 200],
  ['GET', '/api/rooms/throws/5', '/api/rooms/throws/:id', 500, 'thrown at once'],
  ['GET', '/api/rooms/rejects/5', '/api/rooms/rejects/:id', 500, 'rejected later'],
  ['GET', '/api/rooms/internal/5', '/api/rooms/internal/:id', 500, 'internal'],
  ['GET', '/api/rooms/missing/5', '/api/rooms/missing/:id', 404],
  ['GET', '/api/rooms/guarded/5', '/api/rooms/guarded/:id', 403],
  ['GET', '/api/rooms/guard-fails/5', '/api/rooms/guard-fails/:id', 500, 'guard failed'],
  ['GET', '/api/rooms/intercepted/5', '/api/rooms/intercepted/:id', 500, 'interceptor failed'],
  ['GET', '/api/rooms/piped/5', '/api/rooms/piped/:id', 500, 'pipe failed'],
  ['GET', '/api/rooms/filtered/5', '/api/rooms/filtered/:id', 500, 'filtered'],
  ['GET', '/api/rooms/filtered-later/5', '/api/rooms/filtered-later/:id', 502, 'filtered later'],
  ['GET', '/api/rooms/inherited/5', '/api/rooms/inherited/:id', 500, 'inherited'],
  ['GET', '/api/rooms/by-id/5?middleware=throws', '/api/rooms/by-id/:id', 500, 'middleware failed'],
  ['GET', '/api/rooms/by-id/5?middleware=forbids', '/api/rooms/by-id/:id', 403],
  ['GET', '/api/rooms/by-id/5?middleware=responds', '/api/rooms/by-id/:id', 503],
  ['GET', '/unknown/5', '(not found)', 404],
  ['GET', '/api/unknown/5', '(not found)', 404],
  ['GET', '/api/rooms/unknown/5/6', '(not found)', 404],
];

module.exports = { startNestApp, NEST_REQUESTS };
