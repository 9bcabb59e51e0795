export default () => 'docs';
