export default function Page() {
  return <h1>Prerendered</h1>;
}
