import { defineEventHandler, getRouterParam, setResponseStatus } from 'h3';

export default defineEventHandler((event) => {
  const id = getRouterParam(event, 'id');
  if (id === '13') throw new Error('Room 13 does not exist.');
  setResponseStatus(event, 201);
  return { id };
});
