import { defineEventHandler, getRouterParam } from 'h3';

export default defineEventHandler((event) => ({ page: getRouterParam(event, 'slug') }));
