export default () => 'booked';
