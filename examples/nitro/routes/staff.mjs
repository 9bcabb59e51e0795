import { createError, defineEventHandler } from 'h3';

export default defineEventHandler(() => {
  throw createError({ statusCode: 403, message: 'Only for staff.' });
});
