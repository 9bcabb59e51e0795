require('../../apps/koa-routes.cjs').run({
  Koa: require('koa'),
  Router: require('@koa/router'),
  mount: require('koa-mount'),
  serve: require('koa-static'),
});
