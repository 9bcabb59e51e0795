import Router from '@koa/router';
import Koa from 'koa';
import mount from 'koa-mount';
import serve from 'koa-static';
import { run } from '../../apps/koa-routes.cjs';

await run({ Koa, Router, mount, serve });
