export default () => {
  throw new RangeError('thrown by a route');
};
