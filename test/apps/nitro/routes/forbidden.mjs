export default () => {
  throw Object.assign(new Error('no'), { statusCode: 403 });
};
