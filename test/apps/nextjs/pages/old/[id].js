export function getServerSideProps({ params }) {
  if (params.id === 'throws') throw new Error('old page failed');
  return { props: params };
}

export default function Page({ id }) {
  return <h1>Old {id}</h1>;
}
